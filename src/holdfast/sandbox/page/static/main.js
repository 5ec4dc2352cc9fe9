// Puts the parts of the page together.

import { connectActions, proposeHold, say, showClock, showFaults } from "./actions.js";
import { follow } from "./connection.js";
import { byId } from "./elements.js";
import { showCounters, showLocks } from "./locks.js";
import { currentObject, listObjects, openObject, showKinds } from "./objects.js";
import { showLedger, showRequests } from "./requests.js";

const look = (id, account) => openObject(id, account, say);

const live = follow({
  show(news, anew) {
    showCounters(news.stats);
    showRequests(news.requests, anew);
    showLocks(news.locks, news.stats, look);
    showLedger(news.ledger, anew, look);
    showKinds(news.kinds, say);
    showFaults(news.faults, news.fault_kinds);
    showClock(news.now);
  },
  tell(state, sentence) {
    const connection = byId("connection");
    if (connection.textContent === sentence) return; // a screen reader reads it once
    connection.dataset.state = state;
    connection.textContent = sentence;
  },
});

connectActions({ ...live, currentObject });

byId("pause").addEventListener("click", (event) => {
  const paused = event.target.getAttribute("aria-pressed") !== "true";
  event.target.setAttribute("aria-pressed", paused);
  live.pause(paused);
});
byId("kind").addEventListener("change", () => listObjects(say));
byId("objects-again").addEventListener("click", () => listObjects(say));
byId("object-hold").addEventListener("click", () => proposeHold(currentObject().id));
byId("find-form").addEventListener("submit", (event) => {
  event.preventDefault();
  look(new FormData(event.target).get("id").trim());
});
