// The table of trials: sorted by a click on a column's name, a part of it at a time.

const AT_ONCE = 100;
const inTable = data.columns.filter((column) => column.inTable);
let order = null;
let visibleRows = AT_ONCE;

// Missing values come last, whichever way it is sorted.
function compared(one, other, column) {
  const [a, b] = [value(one, column.id), value(other, column.id)];
  if (a === null || b === null) return (a === null) - (b === null);
  const found = column.numeric ? a - b : String(a).localeCompare(String(b), "en");
  return order.descending ? -found : found;
}

function sortBy(column) {
  order = { id: column.id, descending: order !== null && order.id === column.id && !order.descending };
  for (const heading of byId("trial-table").tHead.rows[0].cells) {
    if (heading.dataset.column === column.id) heading.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    else heading.removeAttribute("aria-sort");
  }
  showTable();
}

function headingOf(column) {
  const button = element("button", { type: "button", class: "sort" }, column.label);
  button.addEventListener("click", () => sortBy(column));
  return element("th", { scope: "col", "data-column": column.id }, button);
}

function rowOf(trial) {
  const opener = element("button", { type: "button", class: "open" }, element("span", { class: "swatch", "aria-hidden": "true" }), nameOf(trial));
  opener.firstElementChild.style.background = colourOf(trial);
  opener.addEventListener("click", () => openTrial(trial));
  const entries = inTable.map((column) => element("td", column.numeric ? { class: "number" } : {}, written(value(trial, column.id))));
  const row = element("tr", { "data-trial": trial }, element("th", { scope: "row" }, opener), ...entries);
  row.addEventListener("mouseenter", () => highlight(trial));
  row.addEventListener("mouseleave", () => highlight(null));
  return row;
}

function showTable() {
  const column = order && columns.get(order.id);
  const sorted = column ? [...shown].sort((one, other) => compared(one, other, column) || one - other) : shown;
  byId("trial-table").tBodies[0].replaceChildren(...sorted.slice(0, visibleRows).map(rowOf));
  const hidden = sorted.length - Math.min(visibleRows, sorted.length);
  byId("more").hidden = hidden === 0;
  byId("more").textContent = `show ${Math.min(hidden, 10 * AT_ONCE)} more of ${hidden} rows`;
}

function startTable() {
  byId("trial-table").tHead.append(element("tr", {}, element("th", { scope: "col" }, "trial"), ...inTable.map(headingOf)));
  byId("more").addEventListener("click", () => { visibleRows += 10 * AT_ONCE; showTable(); });
  watchers.push(showTable);
  redraws.push(showTable);
}
