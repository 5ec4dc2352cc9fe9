// The table of requests and that of the ledger, the latest first.

import { byId, duration, linkTo, make, timeOfDay } from "./elements.js";

const MOST = 200; // rows of a table

const ENDINGS = { truncated: "answer cut short", hanging: "left without an answer", slow: "answered slowly" };

const filter = byId("request-filter");
const troubleOnly = byId("request-trouble");
const rows = new Map(); // seq -> { request, element }

function statusOf(request) {
  if (request.status === null) return ["…", "faint"];
  if (request.status === 0) return ["none", "bad"];
  if (request.status < 400) return [request.status, "good"];
  return [request.status, request.status < 500 ? "warn" : "bad"];
}

function happened(request) {
  const parts = [];
  if (request.error) parts.push(request.error);
  if (request.fault) parts.push(`fault ${request.fault}`);
  if (request.ending !== "sent") parts.push(ENDINGS[request.ending] ?? `connection ${request.ending}`);
  if (request.replayed) parts.push("replayed");
  return parts.join(", ");
}

function isTrouble(request) {
  return request.status === 0 || request.status >= 400 || request.fault !== null;
}

function fill(element, request) {
  const [status, colour] = statusOf(request);
  const what = make("td", "what", happened(request));
  if (request.message) {
    what.append(make("small", "", request.message));
    what.title = request.message;
  }
  const cells = [
    ["", make("td", "fixed faint", timeOfDay(request.at))],
    ["", make("td", "request", `${request.method} ${request.path}`)],
    ["", make("td", colour, status)],
    ["took", make("td", "number", duration(request.seconds))],
    ["lock wait", make("td", "number", request.lock_wait ? duration(request.lock_wait) : "")],
    ["", what],
    ["", make("td", "faint fixed", request.request_id ?? "")],
  ];
  for (const [label, cell] of cells) if (label) cell.dataset.label = label;
  element.replaceChildren(...cells.map(([, cell]) => cell));
}

function isWanted(request) {
  if (troubleOnly.checked && !isTrouble(request)) return false;
  const wanted = filter.value.trim().toLowerCase();
  if (!wanted) return true;
  const text = [request.method, request.path, request.status, request.request_id, happened(request)];
  return text.join(" ").toLowerCase().includes(wanted);
}

function sift() {
  for (const { request, element } of rows.values()) element.hidden = !isWanted(request);
}

function showRequest(body, request) {
  const known = rows.get(request.seq);
  const element = known?.element ?? make("tr");
  fill(element, request);
  element.hidden = !isWanted(request);
  rows.set(request.seq, { request, element });
  if (!known) body.prepend(element);
}

/** Show the requests that came or changed. */
export function showRequests(requests, anew) {
  const body = byId("request-rows");
  if (anew) {
    rows.clear();
    body.replaceChildren();
  }
  for (const request of requests) showRequest(body, request);
  while (rows.size > MOST) {
    const [oldest, { element }] = rows.entries().next().value;
    element.remove();
    rows.delete(oldest);
  }
  byId("no-requests").hidden = rows.size > 0;
}

/** Show the rows of the ledger that came. */
export function showLedger(entries, anew, openObject) {
  const body = byId("ledger-rows");
  if (anew) body.replaceChildren();
  for (const entry of entries) {
    body.prepend(
      make(
        "tr",
        "",
        make("td", "number faint", entry.seq),
        make("td", "", entry.effect, make("small", "", entry.object)),
        make("td", "", linkTo(entry.object_id, (id) => openObject(id, entry.account))),
        make("td", "", `${entry.method} ${entry.path}`, make("small", "", entry.request_id)),
      ),
    );
  }
  while (body.rows.length > MOST) body.lastElementChild.remove();
  byId("no-ledger").hidden = body.rows.length > 0;
}

filter.addEventListener("input", sift);
troubleOnly.addEventListener("change", sift);
