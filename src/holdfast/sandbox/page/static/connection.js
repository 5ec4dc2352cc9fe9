// Questions to the sandbox, and the live view: asked for again and again while the page is seen.

const EVERY = 500; // milliseconds between two questions
const LONGEST_PAUSE = 5000; // between two when the sandbox does not answer

/** Ask the sandbox. Returns the JSON of its answer; throws an Error with its sentence. */
export async function ask(method, path, fields) {
  const options = { method, cache: "no-store", credentials: "omit" };
  if (fields !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(fields);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The sandbox does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const error = new Error(answer?.error?.message ?? `The sandbox answered ${response.status}.`);
  error.status = response.status;
  throw error;
}

/**
 * Keep a view up to date. `show(news, anew)` is called with each answer; `anew` says that the
 * sandbox was started again, or cleared, and that what was shown is no more.
 */
export function follow({ show, tell }) {
  let run = null;
  let cursor = 0;
  let row = 0;
  let paused = false;
  let failures = 0;
  let timer = null;
  let asking = false;
  let beginnings = 0; // an answer to a question from before a new beginning is of no use

  async function look() {
    timer = null;
    if (paused || document.hidden || asking) return;
    asking = true;
    try {
      await lookOnce();
      failures = 0;
      tell("live", "Live");
    } catch (error) {
      failures += 1;
      tell("lost", error.message);
    } finally {
      asking = false;
    }
    later(Math.min(EVERY * 2 ** failures, LONGEST_PAUSE));
  }

  async function lookOnce() {
    const beginning = beginnings;
    let news = await ask("GET", `live?after=${cursor}&row=${row}`);
    const anew = news.run !== run || news.stats.effects < row;
    if (anew && (cursor > 0 || row > 0)) news = await ask("GET", "live");
    if (beginning !== beginnings) return;
    run = news.run;
    cursor = news.cursor;
    row = news.stats.effects;
    show(news, anew);
  }

  function later(milliseconds) {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(look, milliseconds);
  }

  document.addEventListener("visibilitychange", () => later(0));
  later(0);
  return {
    soon: () => later(0),
    startOver() {
      beginnings += 1;
      run = null;
      cursor = row = 0;
      later(0);
    },
    pause(wanted) {
      paused = wanted;
      clearTimeout(timer);
      if (paused) tell("waiting", "Paused");
      else later(0);
    },
  };
}
