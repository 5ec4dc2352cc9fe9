// Light or dark: as the system has it, or as was chosen here. Runs before anything is drawn.

(() => {
  const KEY = "holdfast-theme";
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const NAMES = { auto: "Auto", light: "Light", dark: "Dark" };
  const root = document.documentElement;

  function kept() {
    try {
      const theme = localStorage.getItem(KEY);
      return theme in NEXT ? theme : "auto";
    } catch {
      return "auto"; // this browser keeps nothing for a page
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      return; // it holds until the page is closed
    }
  }

  function show(theme) {
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.dataset.theme = theme;
    button.querySelector("span").textContent = NAMES[theme];
    button.title = `Colours: ${NAMES[theme].toLowerCase()}. Press for ${NAMES[NEXT[theme]].toLowerCase()}.`;
  }

  show(kept());
  document.addEventListener("DOMContentLoaded", () => {
    show(root.dataset.theme);
    document.getElementById("theme")?.addEventListener("click", () => {
      const theme = NEXT[root.dataset.theme];
      keep(theme);
      show(theme);
    });
  });
})();
