// A list that shows its first few items, and a button for all of them.

import { byId, number, write } from "./elements.js";

const isNarrow = matchMedia("(max-width: 40rem)");

/** `show(items)` shows some; the button `id` asks for all. Returns a function that takes all items. */
export function fewer(id, { wide, narrow, show }) {
  const button = byId(id);
  let all = false;
  let items = [];

  function draw() {
    const few = isNarrow.matches ? narrow : wide;
    show(all ? items : items.slice(0, few));
    button.hidden = items.length <= few;
    button.setAttribute("aria-expanded", all);
    write(button, all ? `Show the first ${number(few)} only` : `Show all ${number(items.length)}`);
  }

  button.addEventListener("click", () => {
    all = !all;
    draw();
  });
  isNarrow.addEventListener("change", draw);
  return (next) => {
    items = next;
    draw();
  };
}
