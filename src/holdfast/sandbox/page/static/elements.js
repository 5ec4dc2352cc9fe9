// Elements made of text. Whatever comes from the server is put in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** Make an element: its class, and its children, elements or text. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** A button that looks like a link and calls `open` with the text on it. */
export function linkTo(text, open) {
  const button = make("button", "link", text);
  button.type = "button";
  button.addEventListener("click", () => open(text));
  return button;
}

/** Seconds as a person reads them. */
export function duration(seconds) {
  if (seconds === null) return "";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))} ms`;
  return `${Number(seconds.toPrecision(3))} s`;
}

/** The time of day of unix seconds. */
export function timeOfDay(at) {
  const when = new Date(at * 1000);
  const time = when.toLocaleTimeString([], { hourCycle: "h23" });
  return `${time}.${String(when.getMilliseconds()).padStart(3, "0")}`;
}
