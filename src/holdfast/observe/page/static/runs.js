// Bulk runs and how far they are.

import { bar, byId, count, duration, keep, make, number, perSecond, showEmpty, write } from "./elements.js";

function begin() {
  const progress = make("progress", "unseen");
  return make("li", "run",
    make("p", "head", make("strong"), make("small")),
    make("p", "big"), progress, make("span", "bar"),
    make("ul", "tally", make("li", "good"), make("li"), make("li"), make("li", "faint")));
}

function stateOf(run) {
  if (run.finished) return "finished";
  const left = run.left_s === null ? "" : ` · about ${duration(Math.round(run.left_s))} left`;
  return `${perSecond(run.per_s ?? 0)}${left}`;
}

function fill(item, run) {
  const [head, big, progress, drawn, tally] = item.children;
  const total = run.total || 1;
  write(head.firstChild, run.name);
  write(head.lastChild, stateOf(run));
  write(big, `${number(run.done)} of ${number(run.total)}`);
  progress.max = total;
  progress.value = run.done;
  progress.setAttribute("aria-label", `Progress of ${run.name}`);
  bar(drawn, [["good-part", run.ok / total], ["bad-part", run.failed / total], ["doubt-part", run.unsure / total]]);
  const [ok, failed, unsure, retries] = tally.children;
  write(ok, `${number(run.ok)} ok`);
  write(failed, `${number(run.failed)} failed`);
  failed.className = run.failed ? "bad" : "faint";
  write(unsure, `${number(run.unsure)} unsure`);
  unsure.className = run.unsure ? "bad" : "faint";
  write(retries, count(run.retries, "retry").replace("retrys", "retries"));
}

/** Show the bulk runs. */
export function showRuns(runs) {
  keep(byId("run-list"), runs, (run) => run.name, begin, fill);
  showEmpty("run-list", "no-runs", runs.length === 0);
  byId("runs").classList.toggle("is-empty", runs.length === 0);
  const running = runs.filter((run) => !run.finished).length;
  write(byId("runs-count"), running ? `${number(running)} under way` : "");
}
