// The verdict: what to look at first. Said aloud when it becomes another one, not when a number moves.

import { byId, keep, make, write } from "./elements.js";

const QUIET = 10_000; // milliseconds between two announcements
const SIGNS = { alarm: "!", trouble: "!", busy: "…", quiet: "✓" };
const NAMES = { alarm: "Look now", trouble: "Trouble", busy: "Busy", quiet: "Fine" };

let said = null; // which verdicts were announced last
let saidAt = -QUIET;

/** Have a screen reader say a sentence. */
export const announce = (sentence) => write(byId("announcer"), sentence);

function begin() {
  const link = make("a", "", make("b", "sign"), make("b", "unseen"), make("span"));
  link.firstChild.setAttribute("aria-hidden", "true");
  return make("li", "", link);
}

function fill(item, { level, about, text }) {
  if (item.dataset.level !== level) item.dataset.level = level;
  const link = item.firstChild;
  const [sign, name, sentence] = link.children;
  link.setAttribute("href", `#${about}`);
  write(sign, SIGNS[level] ?? "");
  write(name, `${NAMES[level] ?? level}: `);
  write(sentence, text);
}

function title(verdicts) {
  const [{ level, text }] = verdicts;
  return level === "quiet" ? "Holdfast: all quiet" : `${level === "busy" ? "" : "⚠ "}${text} – Holdfast`;
}

/** Show the verdicts, the gravest first. */
export function showVerdicts(verdicts) {
  keep(byId("verdict-list"), verdicts, (verdict) => `${verdict.level} ${verdict.about}`, begin, fill);
  const name = title(verdicts);
  if (document.title !== name) document.title = name;
  const kinds = verdicts.map(({ level, about }) => `${level} ${about}`).join();
  if (kinds === said || performance.now() - saidAt < QUIET) return;
  if (said !== null) {
    announce(verdicts.map(({ text }) => text).join(" "));
    saidAt = performance.now();
  }
  said = kinds;
}
