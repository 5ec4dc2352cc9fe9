// What the buttons do to the sandbox.

import { ask } from "./connection.js";
import { byId, make } from "./elements.js";

const SAID_FOR = 10_000; // milliseconds

let silence = null;
let shownFaults = "";
let shownFaultKinds = "";

/** Say how an action went. */
export function say(sentence, colour = "good") {
  const said = byId("said");
  said.className = colour;
  said.textContent = sentence;
  clearTimeout(silence);
  silence = setTimeout(() => said.replaceChildren(), SAID_FOR);
}

/** Do something and say how it went. `missing` is said when the sandbox knows nothing of it. */
async function act(what, done, missing) {
  try {
    say(done(await what()));
  } catch (error) {
    say(error.status === 404 && missing ? missing : error.message, "bad");
  }
}

function onSubmit(id, submitted) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    submitted(Object.fromEntries(new FormData(event.target)));
  });
}

/** Show the faults that are still to come, and the kinds that may be chosen. */
export function showFaults(faults, kinds) {
  const nowKinds = kinds.join();
  if (nowKinds !== shownFaultKinds) {
    shownFaultKinds = nowKinds;
    const select = byId("fault-form").elements.fault;
    const chosen = select.value;
    select.replaceChildren(...kinds.map((kind) => make("option", "", kind)));
    if (kinds.includes(chosen)) select.value = chosen;
  }
  const now = JSON.stringify(faults);
  if (now === shownFaults) return;
  shownFaults = now;
  byId("faults").replaceChildren(...faults.map((fault) => make("li", "", describe(fault))));
}

function describe({ method, path, fault, count, ...others }) {
  const more = Object.entries(others).map(([name, value]) => `, ${name} ${JSON.stringify(value)}`);
  return `${method ?? "any"} ${path ?? "*"}: ${fault} x ${count}${more.join("")}`;
}

/** Show what the sandbox takes the time to be. */
export function showClock(now) {
  byId("clock").textContent = `It is ${new Date(now * 1000).toISOString().replace("T", " ").slice(0, 19)} UTC.`;
}

/** Put an object's id into the form that holds a lock. */
export function proposeHold(id) {
  const form = byId("hold-form");
  form.elements.object.value = id;
  form.elements.seconds.focus();
}

/** Connect the forms. `soon` has the page brought up to date at once, `startOver` from nothing. */
export function connectActions({ soon, startOver, currentObject }) {
  onSubmit("hold-form", ({ object, seconds }) => {
    const shown = currentObject();
    const account = shown?.id === object.trim() ? shown.account : undefined;
    say(`Waiting for the lock of ${object.trim()} …`, "faint");
    act(
      () => ask("POST", "locks", { object: object.trim(), seconds: Number(seconds), account }),
      (held) => `${held.object} is held for ${held.held_for} s.`,
    ).then(soon);
    soon();
  });
  onSubmit("fault-form", ({ method, path, fault, count, seconds }) => {
    const wanted = { method, path: path.trim(), fault, count: Number(count) };
    if (seconds !== "") wanted.seconds = Number(seconds);
    act(
      () => ask("POST", "faults", wanted),
      () => `${fault} waits for ${method} ${wanted.path}.`,
    ).then(soon);
  });
  byId("clear-faults").addEventListener("click", () => {
    act(() => ask("DELETE", "faults"), () => "No more faults.").then(soon);
  });
  onSubmit("clock-form", ({ advance }) => {
    act(
      () => ask("POST", "clock", { advance: advance.trim() }),
      () => `The clock was moved forward by ${advance.trim()}.`,
      "This sandbox has no clock that can be moved.",
    ).then(soon);
  });
  const dialog = byId("reset-dialog");
  byId("reset").addEventListener("click", () => {
    dialog.returnValue = "cancel";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "reset") return;
    act(() => ask("POST", "reset", {}), () => "The sandbox starts over.", "This sandbox cannot be reset.").then(startOver);
  });
}
