// Calls that may have been executed: why it is not known, and how to find out.

import { attemptList, keyOf } from "./calls.js";
import { byId, count, keep, make, number, replace, showEmpty, timeOfDay, write } from "./elements.js";
import { fewer } from "./fewer.js";

function begin() {
  return make("li", "doubt",
    make("p", "head", make("code"), make("small")),
    make("p", "why"),
    make("p", "how", make("strong", "", "What to do: "), make("span")),
    make("p", "retry", "The command that sends it again: ", make("code")),
    make("details", "", make("summary"), make("ol", "attempts")));
}

function fill(item, call) {
  const [head, why, how, retry, { children: [summary, list] }] = item.children;
  write(head.firstChild, `${call.method} ${call.path}`);
  const key = call.key_fingerprint ? ` · key fingerprint ${call.key_fingerprint}` : "";
  write(head.lastChild, `${timeOfDay(call.began_at)}${key}`);
  write(why, call.why);
  write(how.lastChild, call.how);
  retry.hidden = !call.retry;
  write(retry.lastChild, call.retry ?? "");
  write(summary, `${count(call.attempts.length, "attempt")}, with the request ids`);
  replace(list, ...attemptList(call));
}

const showCalls = fewer("unsure-all", {
  wide: 3,
  narrow: 2,
  show: (calls) => keep(byId("unsure-list"), calls, keyOf, begin, fill),
});

/** Show the unsure calls, the newest first. */
export function showUnsure(calls, total) {
  showCalls(calls);
  showEmpty("unsure-list", "no-unsure", calls.length === 0);
  byId("unsure").classList.toggle("alarm", total > 0);
  byId("unsure").classList.toggle("is-empty", total === 0);
  const shown = calls.length < total ? `the newest ${number(calls.length)} of ${number(total)}` : count(total, "call");
  write(byId("unsure-count"), total ? shown : "");
}
