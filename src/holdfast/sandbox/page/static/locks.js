// The locks that are held and waited for, and the counters.

import { byId, duration, linkTo, make } from "./elements.js";

const COUNTERS = [
  ["Requests", (stats) => stats.requests],
  ["Effects", (stats) => stats.effects],
  ["Objects", (stats) => stats.objects],
  ["Lock waits", (stats) => stats.lock_waits],
  ["Lock timeouts", (stats) => stats.lock_timeouts],
  ["Rate limited", (stats) => stats.by_fault.rate_limit ?? 0],
  ["Replays", (stats) => stats.by_fault.idempotent_replays ?? 0],
  ["Faults met", (stats) => Object.values(stats.injected).reduce((sum, one) => sum + one, 0)],
  ["Connections", (stats) => stats.connections_open],
];

/** Show the counters. */
export function showCounters(stats) {
  byId("counters").replaceChildren(
    ...COUNTERS.map(([name, count]) =>
      make("div", "", make("dt", "", name), make("dd", "", count(stats).toLocaleString())),
    ),
  );
}

function lockRow(lock, state, colour, openObject) {
  return make(
    "tr",
    "",
    make("td", "", linkTo(lock.object, (id) => openObject(id, lock.account))),
    make("td", colour, state),
    make("td", "", lock.by),
    make("td", "number", duration(lock.seconds)),
  );
}

let shown = ""; // so that a table that is the same stays as it is, with the focus in it

/** Show the locks. */
export function showLocks({ held, waiting }, stats, openObject) {
  byId("lock-counts").textContent = `${stats.locks_held} held, ${stats.locks_waiting} waiting`;
  const now = JSON.stringify([held, waiting]);
  if (now === shown) return;
  shown = now;
  const focused = document.activeElement?.closest("#lock-rows") ? document.activeElement.textContent : null;
  const rows = [
    ...held.map((lock) => lockRow(lock, "held", "warn", openObject)),
    ...waiting.map((lock) => lockRow(lock, "waiting", "faint", openObject)),
  ];
  const body = byId("lock-rows");
  body.replaceChildren(...rows);
  byId("no-locks").hidden = rows.length > 0;
  if (focused !== null) {
    [...body.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  }
}
