"use strict";

// Tables: a heading sorts by its column, and again the other way; equal rows keep their order.
const number = (text) => {
  const value = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(value) ? -Infinity : value;
};
const sort = (heading) => {
  const table = heading.closest("table");
  const place = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  const key = (row) => row.cells[place].textContent;
  const compare = heading.classList.contains("number")
    ? (a, b) => number(key(a)) - number(key(b))
    : (a, b) => key(a).localeCompare(key(b), "en");
  const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -compare(a, b) : compare(a, b)));
  table.tBodies[0].append(...rows);
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
};
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button.parentElement));
}

// Search: rows that hold every word, in any column and case.
for (const input of document.querySelectorAll("input[data-table]")) {
  const table = document.getElementById(input.dataset.table);
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const count = document.getElementById(`${input.dataset.table}-found`);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, n) => {
      row.hidden = !words.every((word) => texts[n].includes(word));
      found += row.hidden ? 0 : 1;
    });
    count.textContent = `${found} of ${rows.length} rows`;
  });
}
