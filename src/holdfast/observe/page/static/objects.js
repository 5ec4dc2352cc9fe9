// Which objects are hot, and the rate limits.

import { bar, byId, count, duration, keep, make, number, perSecond, showEmpty, write } from "./elements.js";
import { fewer } from "./fewer.js";

function cell(className, label) {
  const made = make("td", className, make("span"));
  made.setAttribute("role", "cell");
  made.dataset.label = label;
  return made;
}

function beginHot() {
  const id = make("th", "id", make("span"));
  id.scope = "row";
  id.setAttribute("role", "rowheader");
  const waiting = cell("depth", "");
  waiting.append(make("span", "bar"));
  const row = make("tr", "", id, waiting, cell("number", "median wait"), cell("number", "longest"), cell("number", "inside"), cell("number", "calls"), cell("number", "lock timeouts"));
  row.setAttribute("role", "row");
  return row;
}

function fillHot(row, { each, most }) {
  const texts = [
    each.object,
    number(each.waiting),
    duration(each.wait_p50),
    duration(each.wait_max),
    number(each.inside),
    number(each.calls),
    number(each.locked),
  ];
  texts.forEach((text, at) => write(row.children[at].firstChild, text));
  row.children[6].classList.toggle("warn", each.locked > 0);
  row.classList.toggle("cool", each.waiting === 0);
  bar(row.children[1].lastChild, [["deep", most ? each.waiting / most : 0]]);
}

const showObjects = fewer("hot-all", {
  wide: 8,
  narrow: 4,
  show(hot) {
    const most = Math.max(0, ...hot.map((each) => each.waiting));
    keep(byId("hot-rows"), hot.map((each) => ({ each, most })), ({ each }) => each.object, beginHot, fillHot);
  },
});

/** Show the objects that calls wait for, the hottest first. */
export function showHot(hot) {
  showObjects(hot);
  showEmpty("hot-table", "no-hot", hot.length === 0);
  const waiting = hot.reduce((total, each) => total + each.waiting, 0);
  write(byId("hot-count"), waiting ? `${count(waiting, "call")} ${waiting === 1 ? "waits" : "wait"} in lanes` : "");
}

function beginLimit() {
  return make("li", "limit",
    make("p", "head", make("strong"), make("small"), make("span", "badge")),
    make("p", "measure", make("span"), make("b")), make("span", "bar"),
    make("p", "measure", make("span"), make("b")), make("span", "bar"),
    make("p", "note"));
}

const scopeName = (scope) => (scope === "account" ? "Account" : scope);
const colour = (share) => (share >= 0.9 ? "full" : "part");

function fillLimit(item, each) {
  const [head, rate, rateBar, room, roomBar, note] = item.children;
  write(head.children[0], scopeName(each.scope));
  write(head.children[1], each.account ?? "");
  write(head.children[2], each.cut ? "slowed down" : "");
  head.children[2].hidden = !each.cut;
  write(rate.firstChild, "Attempts");
  write(rate.lastChild, each.limit === null ? perSecond(each.rate) : `${perSecond(each.rate)} of ${perSecond(each.limit)}`);
  rateBar.hidden = each.limit === null;
  const share = each.limit ? each.rate / each.limit : 0;
  bar(rateBar, [[colour(share), share]]);
  write(room.firstChild, "Under way");
  write(room.lastChild, each.concurrency === null ? number(each.under_way) : `${number(each.under_way)} of ${number(Math.floor(each.concurrency))}`);
  roomBar.hidden = each.concurrency === null;
  const taken = each.concurrency ? each.under_way / each.concurrency : 0;
  bar(roomBar, [[colour(taken), taken]]);
  write(note, each.waiting ? `${count(each.waiting, "call")} ${each.waiting === 1 ? "waits" : "wait"} for it` : each.limit === null ? "No limit was told or met." : "No call waits for it.");
  note.classList.toggle("warn", each.waiting > 0);
}

/** Show each rate against its limit. */
export function showLimits(limits) {
  keep(byId("limit-list"), limits, (each) => `${each.account} ${each.scope}`, beginLimit, fillLimit);
  showEmpty("limit-list", "no-limits", limits.length === 0);
}
