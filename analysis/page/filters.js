// Which trials are shown: each view and each field may hold a filter, and a trial has to pass all of them.

const filters = new Map();
// Told at once of a change: the count and the table. `followers`, the figures, are drawn anew before the next frame, once for many changes.
const watchers = [];
const followers = [];
const TYPING_MS = 150;
let shown = everyTrial;
let isAwaited = false;

// `keeps` is a predicate on trials; `undo` puts the view or field back that set the filter.
function setFilter(name, text, keeps, undo) {
  filters.set(name, { text, keeps, undo });
  refresh();
}

function dropFilter(name) {
  if (filters.delete(name)) refresh();
}

function refresh() {
  const rules = [...filters.values()];
  shown = everyTrial.filter((trial) => rules.every((rule) => rule.keeps(trial)));
  for (const watcher of watchers) watcher();
  if (isAwaited) return;
  isAwaited = true;
  requestAnimationFrame(() => { isAwaited = false; for (const follower of followers) follower(); });
}

function showFilters() {
  byId("count").textContent = `${shown.length} of ${trialCount} trials`;
  byId("clear").hidden = filters.size === 0;
  const chips = [...filters].map(([name, filter]) => {
    const chip = element("button", { type: "button", class: "chip", "aria-label": `remove the filter ${filter.text}` }, `${filter.text} ✕`);
    chip.addEventListener("click", () => { filter.undo(); dropFilter(name); byId("search").focus(); });
    return chip;
  });
  byId("chips").replaceChildren(...chips);
}

function clearFilters() {
  const undoing = [...filters.values()];
  filters.clear();
  for (const filter of undoing) filter.undo();
  refresh();
}

function searchField() {
  const searched = data.columns.filter((column) => !column.numeric).map((column) => column.id);
  const texts = everyTrial.map((trial) => [titleOf(trial), ...searched.map((id) => value(trial, id) ?? "")].join("\n").toLowerCase());
  const field = byId("search");
  const search = () => {
    const wanted = field.value.trim().toLowerCase();
    if (!wanted) return dropFilter("search");
    setFilter("search", `“${field.value.trim()}”`, (trial) => texts[trial].includes(wanted), () => { field.value = ""; });
  };
  let typing = null;
  field.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, everyTrial.length > 200 ? TYPING_MS : 0); });
}

// A list of what a column takes, for everything that is no number.
function choiceField(id, label) {
  const values = [...new Set(everyTrial.map((trial) => String(value(trial, id) ?? "–")))].sort();
  if (values.length < 2) return;
  const field = element("select", {}, element("option", { value: "" }, "all"), ...values.map((text) => element("option", { value: `=${text}` }, text)));
  field.addEventListener("change", () => {
    if (!field.value) return dropFilter(id);
    const wanted = field.value.slice(1);
    setFilter(id, `${label} ${wanted}`, (trial) => String(value(trial, id) ?? "–") === wanted, () => { field.value = ""; });
  });
  byId("fields").append(element("label", {}, `${label} `, field));
}

// A lowest and a highest value for a number.
function rangeField(id, label) {
  const ends = ["from", "to"].map((end) => element("input", { type: "number", step: "any", "aria-label": `${label} ${end}`, placeholder: end }));
  const set = () => {
    const [low, high] = ends.map((field) => (field.value === "" ? null : Number(field.value)));
    if (low === null && high === null) return dropFilter(id);
    const keeps = (trial) => {
      const known = value(trial, id);
      return known !== null && (low === null || known >= low) && (high === null || known <= high);
    };
    const text = `${label} ${low === null ? "" : `≥ ${low}`} ${high === null ? "" : `≤ ${high}`}`.replace(/\s+/g, " ").trim();
    setFilter(id, text, keeps, () => ends.forEach((field) => { field.value = ""; }));
  };
  for (const field of ends) field.addEventListener("change", set);
  byId("fields").append(element("fieldset", {}, element("legend", {}, label), ...ends));
}

function cellButtons() {
  const buttons = [...document.querySelectorAll("button.cell")];
  const press = (pressed) => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === pressed)));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-pressed") === "true") { press(null); return dropFilter("cell"); }
      press(button);
      const cell = Number(button.dataset.cell);
      setFilter("cell", data.cells[cell].title, (trial) => value(trial, "cell") === cell, () => press(null));
    });
  }
}

function startFilters() {
  searchField();
  choiceField("stage", "stage");
  choiceField("status", "status");
  for (const key of data.keys) (key.names ? choiceField : rangeField)(key.id, key.name);
  rangeField(data.metric.id, data.metric.id);
  cellButtons();
  byId("clear").addEventListener("click", () => { clearFilters(); byId("search").focus(); });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  watchers.push(showFilters);
}
