// The trials as the page carries them, and how their values are written. A trial is its place in the columns.

const data = JSON.parse(document.getElementById("data").textContent);
const columns = new Map(data.columns.map((column) => [column.id, column]));
const trialCount = data.columns[0]?.values?.length ?? (data.columns[0]?.constant == null ? 0 : 1);
const everyTrial = Array.from({ length: trialCount }, (_, trial) => trial);

function value(trial, id) {
  const column = columns.get(id);
  if (column === undefined) return null;
  return "constant" in column ? column.constant : column.values[trial];
}

const cellOf = (trial) => data.cells[value(trial, "cell")];
const isConfirmed = (trial) => value(trial, "stage") === "confirm";
const isFull = (trial) => value(trial, "status") === "completed";

// Short, for where its values stand beside it.
function nameOf(trial) {
  const { role } = cellOf(trial);
  return value(trial, "trial") + (role ? ` (${role})` : "");
}

// A trial's name for people: its values and its seed.
function titleOf(trial) {
  return `${cellOf(trial).title}, seed ${value(trial, "seed") ?? "–"}`;
}

// Five significant digits; scientific for the very small and large; missing values as a dash.
function written(number) {
  if (number === null || number === undefined) return "–";
  if (typeof number !== "number") return String(number);
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return number.toLocaleString("en-US", { maximumFractionDigits: 0 });
  const size = Math.abs(number);
  if (size < 1e-3 || size >= 1e6) return number.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(number.toPrecision(5)));
}

// Plotly reads a few tags in its texts; nothing that a sweep says may be one.
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// An element with its attributes and children; texts stay texts.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, given] of Object.entries(attributes)) made.setAttribute(name, given);
  made.append(...children);
  return made;
}
