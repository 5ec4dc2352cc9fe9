"use strict";
// All is readable without this: it sorts tables by a column and narrows the requests that are not ok.

const sortBy = (table, column, button) => {
  const heading = button.parentElement;
  const down = heading.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
  };
  const rows = [...table.tBodies[0].rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  });
  table.tBodies[0].append(...(down ? rows.reverse() : rows));
};

for (const table of document.querySelectorAll("table.sortable")) {
  if (table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    button.addEventListener("click", () => sortBy(table, column, button));
    heading.replaceChildren(button);
  });
}

const section = document.getElementById("not-ok");
const ones = [...section.querySelectorAll(".one")];
const lists = [...section.querySelectorAll(".more pre")].map((list) => ({ list, text: list.textContent }));
if (ones.length + lists.length > 5) {
  const label = document.createElement("label");
  label.htmlFor = "filter";
  label.textContent = "Filter";
  const input = document.createElement("input");
  input.id = "filter";
  input.type = "search";
  input.placeholder = "an id, a request id, a path";
  const told = document.createElement("span");
  told.className = "quiet";
  told.setAttribute("role", "status");
  const box = document.createElement("div");
  box.className = "filter";
  box.append(label, input, told);
  section.querySelector("h2").after(box);
  let due = 0;
  const narrow = () => {
    const wanted = input.value.trim().toLowerCase();
    let found = 0;
    for (const one of ones) {
      one.hidden = wanted !== "" && !one.textContent.toLowerCase().includes(wanted);
      found += one.hidden ? 0 : 1;
    }
    for (const { list, text } of lists) {
      const lines = wanted === "" ? null : text.split("\n").filter((line) => line.toLowerCase().includes(wanted));
      list.textContent = lines === null ? text : lines.join("\n");
      list.closest(".more").hidden = lines !== null && lines.length === 0;
      if (lines !== null) found += lines.length;
    }
    for (const group of section.querySelectorAll(".group")) {
      const any = group.querySelector(".one:not([hidden]), .more:not([hidden])");
      group.hidden = wanted !== "" && any === null;
      if (wanted !== "" && any !== null) group.open = true;
    }
    told.textContent = wanted === "" ? "" : `${found.toLocaleString("en")} found`;
  };
  input.addEventListener("input", () => {
    clearTimeout(due);
    due = setTimeout(narrow, 120);
  });
}
