// The live stream: opened while the page is seen, opened again when it breaks.

const STALE = 3000; // milliseconds without a snapshot after which it is said
const DEAD = 15000; // without anything, after which the stream is opened anew
const AGAIN = 1000; // between two attempts of our own to open it
const ASK = 2000; // between two questions where streams are refused

/** Ask once. Returns [status, JSON]; null when nobody answers. */
async function ask(path) {
  try {
    const response = await fetch(path, { cache: "no-store" });
    return [response.status, await response.json().catch(() => null)];
  } catch {
    return null;
  }
}

/** The words that the code has for what is shown. */
export async function words() {
  for (;;) {
    const answer = await ask("words.json");
    if (answer?.[0] === 200) return answer[1];
    if (answer?.[0] === 401) location.reload();
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

/**
 * Keep a view up to date. `show(snapshot)` is called with the newest; `tell(state, sentence)` with
 * "live", "stale", "lost", "trouble" or "paused", and `age` with the milliseconds since the newest.
 */
export function follow({ show, tell, age }) {
  let stream = null;
  let again = null;
  let paused = false;
  let arrived = null; // when the newest snapshot came
  let opened = 0; // when the stream was opened, or last heard
  let newest = null;
  let drawing = false;
  let state = "waiting";

  function say(next, sentence) {
    state = next;
    tell(next, sentence);
  }

  function draw() {
    drawing = false;
    if (!paused) show(newest);
  }

  function receive(snapshot) {
    newest = snapshot;
    arrived = opened = performance.now();
    say("live", "Live");
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  }

  function open() {
    close();
    if (paused || document.hidden) return;
    opened = performance.now();
    stream = new EventSource("events");
    stream.addEventListener("snapshot", (event) => receive(JSON.parse(event.data)));
    stream.addEventListener("trouble", (event) => {
      opened = performance.now();
      say("trouble", JSON.parse(event.data).error);
    });
    stream.addEventListener("error", broken);
  }

  function close() {
    clearTimeout(again);
    stream?.close();
    stream = null;
  }

  async function broken() {
    if (stream?.readyState === EventSource.CONNECTING) say("lost", "Connection lost");
    if (stream?.readyState !== EventSource.CLOSED) return; // it opens itself again
    stream = null;
    const answer = await ask("snapshot.json");
    if (paused || document.hidden || stream) return;
    if (answer === null) say("lost", "Connection lost");
    else if (answer[0] === 401) location.reload(); // to the form that asks for the token
    else if (answer[0] === 200) receive(answer[1]); // too many streams: by questions, then
    else say("trouble", answer[1]?.error ?? `The server answered ${answer[0]}.`);
    again = setTimeout(open, answer?.[0] === 200 ? ASK : AGAIN);
  }

  function watch() {
    if (paused || document.hidden) return;
    const now = performance.now();
    if (arrived !== null) age(now - arrived);
    if (state === "live" && now - Math.max(arrived, opened) > STALE) say("stale", "No news");
    if (stream && now - opened > DEAD) open();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  setInterval(watch, 1000);
  open();
  return {
    pause(wanted) {
      paused = wanted;
      if (paused) say("paused", `Paused at ${new Date().toLocaleTimeString("en", { hourCycle: "h23" })}`);
      if (paused) close();
      else open();
    },
  };
}
