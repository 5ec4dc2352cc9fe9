// Attempts by outcome over time: bars upon each other, a line of the calls that wait, and a table.

import { byId, draw, keep, make, number, write } from "./elements.js";

const WIDTH = 600;
const HEIGHT = 150;
const LOW = 44; // the height of the second drawing
const GAP = 0.18; // of a bar's width
const ROW = 10; // seconds a row of the table

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const names = (fault) => fault.replaceAll("_", " ");

/** A round number that is not below the highest bar. */
function ceiling(highest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((round) => round >= highest) ?? 10 * power;
}

function pathOf(svg, key, tag, className) {
  const found = svg.querySelector(`[data-key="${key}"]`);
  if (found) return found;
  const element = draw(tag, className, { "data-key": key });
  svg.append(element);
  return element;
}

function drawGrid(svg, height) {
  if (svg.querySelector(".grid")) return;
  const lines = [0, 0.5].map((share) => `M0 ${height * share + 0.5}H${WIDTH}`);
  const ticks = [0.25, 0.5, 0.75].map((share) => `M${WIDTH * share} 0V${height}`);
  svg.append(draw("path", "grid", { d: [...lines, ...ticks].join("") }));
}

function drawBars(faults, classes, seconds, top) {
  const svg = byId("class-chart");
  drawGrid(svg, HEIGHT);
  const step = WIDTH / seconds;
  const floor = new Array(seconds).fill(0);
  for (const fault of faults) {
    let path = "";
    (classes[fault] ?? []).forEach((value, at) => {
      if (!value) return;
      const tall = (value / top) * HEIGHT;
      const y = HEIGHT - floor[at] - tall;
      floor[at] += tall;
      path += `M${(at * step).toFixed(1)} ${y.toFixed(1)}h${(step * (1 - GAP)).toFixed(2)}v${tall.toFixed(1)}h-${(step * (1 - GAP)).toFixed(2)}z`;
    });
    pathOf(svg, fault, "path", `fill ${fault}`).setAttribute("d", path || "M0 0");
  }
}

function drawWaiting(waiting) {
  const svg = byId("waiting-chart");
  drawGrid(svg, LOW);
  const top = ceiling(Math.max(...waiting));
  const step = WIDTH / waiting.length;
  const points = waiting.map((value, at) => `${((at + 0.5) * step).toFixed(1)} ${(LOW - (value / top) * (LOW - 2)).toFixed(1)}`);
  pathOf(svg, "area", "path", "waiting-area").setAttribute("d", `M${step / 2} ${LOW}L${points.join("L")}V${LOW}z`);
  pathOf(svg, "line", "path", "waiting-line").setAttribute("d", `M${points.join("L")}`);
  write(byId("waiting-scale"), Math.max(...waiting) ? `${number(top)} waiting` : "none waiting");
}

function showLegend(faults, totals) {
  const seen = faults.filter((fault) => totals[fault] || fault === "ok");
  const begin = (fault) => make("li", fault, make("i"), make("span", "", names(fault)), make("b"));
  keep(byId("legend"), seen, (fault) => fault, begin, (item, fault) => write(item.lastChild, number(totals[fault] ?? 0)));
}

function summary(faults, classes, waiting) {
  const parts = faults
    .map((fault) => [fault, sum(classes[fault] ?? [])])
    .filter(([, total]) => total)
    .map(([fault, total]) => `${number(total)} ${names(fault)}`);
  if (!parts.length) return "No attempt in the last two minutes.";
  return `In the last two minutes: ${parts.join(", ")}. Most calls waiting at once: ${number(Math.max(...waiting))}.`;
}

function secondText(at, seconds, faults, classes, waiting) {
  const parts = faults.filter((fault) => classes[fault]?.[at]).map((fault) => `${number(classes[fault][at])} ${names(fault)}`);
  const ago = seconds - 1 - at;
  return `${ago ? `${ago} s ago` : "Now"}: ${parts.join(", ") || "no attempt"}; ${number(waiting[at])} waiting.`;
}

function showTable(faults, series, waiting) {
  const seen = faults.filter((fault) => series.classes[fault]?.some(Boolean));
  const heads = ["Until", ...seen.map(names), "waiting at most"];
  const row = make("tr", "", ...heads.map((head, at) => {
    const cell = make("th", at ? "number" : "", head);
    cell.scope = "col";
    return cell;
  }));
  byId("class-head").replaceChildren(row);
  const ends = Array.from({ length: waiting.length / ROW }, (_, at) => waiting.length - at * ROW);
  const rows = ends.map((end) => {
    const when = new Date((series.until - (waiting.length - end)) * 1000).toLocaleTimeString("en", { hourCycle: "h23" });
    const counts = seen.map((fault) => number(sum(series.classes[fault].slice(end - ROW, end))));
    const most = number(Math.max(...waiting.slice(end - ROW, end)));
    return make("tr", "", make("td", "", when), ...[...counts, most].map((text) => make("td", "number", text)));
  });
  byId("class-rows").replaceChildren(...rows);
}

let pointed = null; // the second that is pointed at
let readNow = () => {};

byId("class-chart").parentElement.addEventListener("pointermove", (event) => {
  const box = byId("class-chart").getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  pointed = share >= 0 && share < 1 ? share : null;
  readNow();
});
byId("class-chart").parentElement.addEventListener("pointerleave", () => {
  pointed = null;
  readNow();
});
byId("class-details").addEventListener("toggle", () => readNow());

/** Show the attempts of the last seconds, by class. */
export function showClasses({ series, totals, source }, faults) {
  const [oldest, newest] = byId("axis").querySelectorAll(":first-child, :last-child");
  write(oldest, source.live ? "2 min ago" : "2 min before");
  write(newest, source.live ? "now" : "its end");
  const { classes, waiting } = series;
  const seconds = waiting.length;
  const sums = waiting.map((_, at) => sum(faults.map((fault) => classes[fault]?.[at] ?? 0)));
  const top = ceiling(Math.max(...sums));
  drawBars(faults, classes, seconds, top);
  drawWaiting(waiting);
  showLegend(faults, totals.classes);
  write(byId("class-scale"), `${number(top)}/s`);
  readNow = () => {
    const text = pointed === null
      ? summary(faults, classes, waiting)
      : secondText(Math.floor(pointed * seconds), seconds, faults, classes, waiting);
    write(byId("class-summary"), text);
    if (byId("class-details").open) showTable(faults, series, waiting);
  };
  readNow();
}
