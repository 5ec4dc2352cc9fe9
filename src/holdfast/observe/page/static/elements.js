// Elements made of text. Whatever comes from the server is put in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Make an element: its class, and its children, elements or text. */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** Make an element of a drawing. */
export function draw(tag, className, attributes) {
  const element = document.createElementNS(SVG, tag);
  element.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Set a text, unless it is there already: a selection in it stays. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replace children, unless they are the same already. */
export function replace(element, ...children) {
  const next = make("div", "", ...children);
  if (next.innerHTML !== element.innerHTML) element.replaceChildren(...next.childNodes);
}

const rowsOf = new WeakMap();

/**
 * Keep one child for each item, in the items' order. A child stays the same element as long as its
 * key is there, so that focus, selection and what was opened in it stay.
 */
export function keep(parent, items, keyOf, begin, fill) {
  const known = rowsOf.get(parent) ?? new Map();
  const next = new Map();
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    if (next.has(key)) continue;
    const element = known.get(key) ?? begin(item);
    fill(element, item);
    const wanted = before ? before.nextSibling : parent.firstChild;
    if (element !== wanted) parent.insertBefore(element, wanted);
    next.set(key, element);
    before = element;
  }
  for (const [key, element] of known) if (next.get(key) !== element) element.remove();
  rowsOf.set(parent, next);
}

/** Show either the list or the sentence that it is empty. */
export function showEmpty(list, sentence, isEmpty) {
  byId(list).hidden = isEmpty;
  byId(sentence).hidden = !isEmpty;
}

/** A bar; `parts` are pairs of a class and a share from 0 to 1. Texts beside it say the same. */
export function bar(element, parts) {
  element.setAttribute("aria-hidden", "true");
  while (element.children.length > parts.length) element.lastChild.remove();
  while (element.children.length < parts.length) element.append(make("i"));
  parts.forEach(([className, share], at) => {
    const part = element.children[at];
    if (part.className !== className) part.className = className;
    part.style.width = `${(Math.max(0, Math.min(1, share)) * 100).toFixed(2)}%`;
  });
  return element;
}

export const number = (value) => value.toLocaleString("en");

/** A number with its noun. */
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** Something a second. */
export function perSecond(rate) {
  const digits = rate < 9.95 ? 1 : 0;
  return `${rate.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}/s`;
}

/** Seconds as a person reads them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.00005) return "0 s";
  if (seconds < 60 && Number.isInteger(seconds)) return `${seconds} s`;
  if (seconds < 0.0995) return `${(seconds * 1000).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
  if (seconds < 0.9995) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.95 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The time of day of unix seconds. */
export const timeOfDay = (at) => new Date(at * 1000).toLocaleTimeString("en", { hourCycle: "h23" });
