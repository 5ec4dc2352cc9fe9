// The slowest calls with their timelines, and why calls ended.

import { bar, byId, draw, duration, keep, make, number, replace, showEmpty, timeOfDay, write } from "./elements.js";

const NOTHING = 0.0005; // seconds that nobody sees
const WIDE = 1000; // of a timeline's drawing
const CAUSES = { lane: "in a lane", limiter: "for the rate limit", backoff: "to be sent again" };

const names = (word) => word.replaceAll("_", " ");

/** The pieces of a call's time: [class, from, to] in seconds. */
function pieces(call) {
  const found = [];
  let until = 0;
  for (const attempt of call.attempts) {
    if (attempt.at > until + NOTHING) found.push(["wait", until, attempt.at]);
    until = attempt.at + attempt.seconds;
    found.push([attempt.fault, attempt.at, until]);
  }
  if (call.seconds > until + NOTHING) found.push(["wait", until, call.seconds]);
  return found;
}

function drawTimeline(svg, call, longest) {
  const scale = WIDE / (longest || 1);
  const shapes = pieces(call).map(([className, from, to]) => {
    const width = Math.max((to - from) * scale, 3);
    const [y, height] = className === "wait" ? [5, 4] : [0, 14];
    const x = Math.min(from * scale, WIDE - width); // what was short and last is seen, too
    return draw("rect", `fill ${className}`, { x: x.toFixed(1), y, width: width.toFixed(1), height });
  });
  svg.replaceChildren(...shapes);
}

export function waits(call) {
  return Object.entries(call.waits)
    .filter(([, seconds]) => seconds >= NOTHING)
    .map(([cause, seconds]) => `${duration(seconds)} ${CAUSES[cause] ?? cause}`);
}

/** An attempt in words. */
export function attemptText(attempt) {
  const what = [attempt.status, attempt.error_code].filter(Boolean).join(" ");
  const replayed = attempt.replayed ? ", answer of an earlier attempt" : "";
  return `${names(attempt.fault)}${what ? ` (${what})` : ""} in ${duration(attempt.seconds)}${replayed}`;
}

/** The attempts of a call, each with its time and request id. */
export function attemptList(call) {
  return call.attempts.map((attempt) =>
    make("li", attempt.fault,
      make("i"),
      make("span", "at", `+${duration(attempt.at)}`),
      make("span", "", `attempt ${attempt.number}: ${attemptText(attempt)}`),
      make("code", "", attempt.request_id ?? "no request id")),
  );
}

function begin() {
  const svg = draw("svg", "timeline", { viewBox: `0 0 ${WIDE} 14`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const summary = make("summary", "", make("code", "what"), make("span", "stop"), make("b", "took"), svg);
  return make("li", "", make("details", "", summary, make("p", "note"), make("ol", "attempts")));
}

function endOf({ stop }) {
  if (stop === null) return "under way";
  return stop === "ok" ? "ok" : `not ok: ${names(stop)}`;
}

const callOf = new WeakMap();

function fill(item, { call, longest, stops }) {
  callOf.set(item, call);
  const [summary, note, list] = item.firstChild.children;
  const [what, stop, took, svg] = summary.children;
  write(what, `${call.method} ${call.path}`);
  const attempts = call.attempts.length === 1 ? "1 attempt" : `${call.attempts.length} attempts`;
  write(stop, `${endOf(call)} · ${attempts}`);
  stop.classList.toggle("bad", call.stop !== "ok" && call.stop !== null);
  write(took, duration(call.seconds));
  drawTimeline(svg, call, longest);
  const parts = waits(call);
  const waited = parts.length ? `waited ${parts.join(", ")}` : "waited for nothing";
  const ended = call.stop ? `Ended ${names(call.stop)}: ${stops[call.stop] ?? ""}.` : "";
  const key = call.key_fingerprint ? ` Key fingerprint ${call.key_fingerprint}.` : "";
  write(note, `Began ${timeOfDay(call.began_at)}; ${waited}. ${ended}${key}`);
  replace(list, ...attemptList(call));
}

/** What tells one call from the others. */
export const keyOf = (call) => `${call.began_at} ${call.method} ${call.path} ${call.key_fingerprint}`;

/** The calls, and those that somebody has opened and reads: slower ones do not push these away. */
function withOpened(calls) {
  const keys = new Set(calls.map(keyOf));
  const opened = [...byId("slowest-list").children]
    .filter((item) => item.firstChild.open)
    .map((item) => callOf.get(item))
    .filter((call) => !keys.has(keyOf(call)));
  return [...calls, ...opened].sort((one, other) => other.seconds - one.seconds);
}

/** Show the calls that took longest. */
export function showSlowest(slowest, stops) {
  const calls = withOpened(slowest);
  const longest = Math.max(0, ...calls.map((call) => call.seconds));
  keep(byId("slowest-list"), calls.map((call) => ({ call, longest, stops })), ({ call }) => keyOf(call), begin, fill);
  showEmpty("slowest-list", "no-slowest", calls.length === 0);
  byId("key").hidden = calls.length === 0;
}

function beginStop([reason]) {
  return make("li", reason === "ok" ? "stop-ok" : "stop-other",
    make("p", "measure", make("strong", "", names(reason)), make("b")), make("span", "bar"), make("p", "note"));
}

/** Show why calls ended, the most frequent reason first. */
export function showStops(totals, stops) {
  const rows = Object.entries(totals).filter(([, calls]) => calls).sort(([, one], [, other]) => other - one);
  const most = Math.max(1, ...rows.map(([, calls]) => calls));
  keep(byId("stop-list"), rows, ([reason]) => reason, beginStop, (item, [reason, calls]) => {
    write(item.firstChild.lastChild, number(calls));
    bar(item.children[1], [[reason === "ok" ? "good-part" : "bad-part", calls / most]]);
    write(item.lastChild, reason === "ok" ? "" : stops[reason] ?? "");
  });
  showEmpty("stop-list", "no-stops", rows.length === 0);
}
