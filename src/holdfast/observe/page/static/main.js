// Puts the parts of the page together.

import { showSlowest, showStops } from "./calls.js";
import { showClasses } from "./chart.js";
import { follow, words } from "./connection.js";
import { byId, duration, write } from "./elements.js";
import { showFigures, showSource } from "./figures.js";
import { showHot, showLimits } from "./objects.js";
import { showRuns } from "./runs.js";
import { showUnsure } from "./unsure.js";
import { announce, showVerdicts } from "./verdicts.js";

const WHAT = {
  lost: "The connection is lost. It is tried again and again.",
  stale: "The server is there, but sends no news.",
};

function showState(state, sentence) {
  const connection = byId("connection");
  const before = connection.dataset.state;
  connection.dataset.state = state;
  write(byId("connection-text"), state === "trouble" ? "No figures" : sentence);
  byId("stale").hidden = state === "live" || state === "paused";
  write(byId("stale-what"), WHAT[state] ?? sentence);
  if (state === "live") write(byId("stale-age"), "");
  if (before !== state && before !== "waiting") announce(WHAT[state] ?? sentence);
}

function showAge(milliseconds) {
  if (milliseconds < 2000) return;
  write(byId("stale-age"), ` What you see is ${duration(Math.round(milliseconds / 1000))} old.`);
}

function connectPause(live) {
  byId("pause").addEventListener("click", (event) => {
    const paused = event.target.getAttribute("aria-pressed") !== "true";
    event.target.setAttribute("aria-pressed", paused);
    live.pause(paused);
  });
}

if (location.hash.startsWith("#token=")) history.replaceState(null, "", location.pathname);
const known = await words();
connectPause(
  follow({
    show(snapshot) {
      document.querySelector("main").hidden = false;
      showSource(snapshot.source);
      showVerdicts(snapshot.verdicts);
      showFigures(snapshot);
      showUnsure(snapshot.unsure, snapshot.totals.unsure);
      showRuns(snapshot.runs);
      showClasses(snapshot, known.faults);
      showHot(snapshot.hot);
      showLimits(snapshot.limits);
      showSlowest(snapshot.slowest, known.stops);
      showStops(snapshot.totals.stops, known.stops);
    },
    tell: showState,
    age: showAge,
  }),
);
