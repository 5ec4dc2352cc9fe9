// Where the figures come from, and the figures.

import { byId, duration, keep, make, number, perSecond, timeOfDay, write } from "./elements.js";

const LATELY = 10; // seconds that make the rate of now; the one that is not over is left out

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

function rateOf(series) {
  const lately = Object.values(series.classes).map((counts) => sum(counts.slice(-LATELY - 1, -1)));
  return sum(lately) / (LATELY * series.step);
}

function share(part, whole) {
  return whole ? `${((100 * part) / whole).toLocaleString("en", { maximumFractionDigits: 1 })} %` : "none";
}

const notOk = (calls) => (calls ? `${number(calls)} not ok` : "all ok");

function figuresOf({ totals, series, source }) {
  const waiting = totals.waiting;
  const all = waiting.lane + waiting.limiter + waiting.backoff;
  const ok = totals.stops.ok ?? 0;
  return [
    ["Calls", number(totals.calls), totals.calls ? notOk(totals.calls - ok) : "none has ended", ""],
    ["Under way", number(totals.in_flight), "now", ""],
    ["Attempts", number(totals.attempts), `${perSecond(rateOf(series))} ${source.live ? "lately" : "at its end"}`, ""],
    ["Retries", number(totals.retries), totals.retries ? `${share(totals.retries, totals.attempts)} of attempts` : "none", ""],
    ["Waiting", number(all), `${number(waiting.lane)} lane · ${number(waiting.limiter)} limiter · ${number(waiting.backoff)} backoff`, "broad"],
    ["In doubt", number(totals.unsure), totals.unsure ? "may have been executed" : "none", totals.unsure ? "bad" : ""],
  ].concat(totals.dropped ? [["Dropped", number(totals.dropped), "events not counted", "bad"]] : []);
}

function fill(box, [name, value, note, className]) {
  if (box.className !== className) box.className = className;
  const [term, figure] = box.children;
  write(term, name);
  write(figure.firstChild, value);
  write(figure.lastChild, note);
}

/** Show the figures. */
export function showFigures(snapshot) {
  const begin = () => make("div", "", make("dt"), make("dd", "", make("span"), make("small")));
  keep(byId("figure-list"), figuresOf(snapshot), ([name]) => name, begin, fill);
}

const lasted = (began, ended) => duration(Math.max(0, Math.round(ended - began)));

/** Show whose figures they are. */
export function showSource({ kind, name, pid, began_at, ended_at, now, live }) {
  const what = kind === "journal" ? `Journal ${name}` : `${name}${pid === null ? "" : ` · pid ${pid}`}`;
  const since = began_at ? ` · ${live ? "for" : "took"} ${lasted(began_at, ended_at ?? now)}` : "";
  write(byId("source"), `${what}${since}${live ? "" : " · no longer running"}`);
  write(byId("foot"), `Figures are exact and count from ${began_at ? timeOfDay(began_at) : "the beginning"} on.`);
}
