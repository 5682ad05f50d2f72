// One trial: what became of it, its curve among those of its configuration, and its configuration.

const OWN_SECTION = ["error", "note"];
let opened = null;

function factsOf(trial) {
  const known = data.columns.filter((column) => column.label && !OWN_SECTION.includes(column.id) && value(trial, column.id) !== null);
  return element("dl", { class: "facts" }, ...known.map((column) =>
    element("div", {}, element("dt", {}, column.label), element("dd", {}, written(value(trial, column.id))))));
}

function textsOf(trial) {
  return OWN_SECTION.filter((id) => value(trial, id) !== null).map((id) =>
    element("div", {}, element("h3", {}, id), element("pre", {}, String(value(trial, id)))));
}

// The sweep's base configuration with the trial's own values; those are marked.
function configOf(trial) {
  const own = new Map(data.columns.filter((column) => column.id.startsWith("config.")).map((column) => [column.id.slice(7), value(trial, column.id)]));
  const merged = new Map([...Object.entries(data.config), ...own]);
  const rows = [...merged].sort(([one], [other]) => (own.has(other) - own.has(one)) || one.localeCompare(other, "en")).map(([key, given]) => {
    const text = given === null ? "null" : String(given);
    return element("tr", own.has(key) ? { class: "own" } : {}, element("th", { scope: "row" }, key), element("td", {}, own.has(key) ? element("strong", {}, text) : text));
  });
  const caption = element("caption", {}, "Configuration: the sweep's base with this trial's values first. A value that chooses a group brings that group's preset along.");
  const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "key"), element("th", { scope: "col" }, "value")));
  return element("table", {}, caption, head, element("tbody", {}, ...rows));
}

function drawOpened() {
  if (opened === null || !byId("details").open) return;
  const metric = data.curves.find((candidate) => candidate.curves.some(([trial]) => trial === opened));
  byId("details-plot").hidden = metric === undefined;
  if (metric === undefined) return;
  const peers = metric.curves.filter(([trial]) => trial !== opened && value(trial, "cell") === value(opened, "cell"));
  const own = metric.curves.filter(([trial]) => trial === opened);
  const trace = ([trial, steps, values], colour, width) => ({
    x: stepsOf(steps), y: values, mode: steps.length > 1 ? "lines+markers" : "markers", line: { color: colour, width }, marker: { size: 4, color: colour },
    hovertemplate: `seed ${value(trial, "seed")}, step %{x}: %{y}<extra></extra>`,
  });
  const traces = [...peers.map((curve) => trace(curve, ink("faint"), 1)), ...own.map((curve) => trace(curve, ink("accent"), 2.5))];
  const layout = layoutWith({ height: 260, xaxis: { title: { text: "step" } }, yaxis: { title: { text: plain(metric.label) } } });
  draw("details-plot", traces, layout);
}

function openTrial(trial) {
  opened = trial;
  byId("details-title").textContent = titleOf(trial);
  byId("details-body").replaceChildren(factsOf(trial), ...textsOf(trial));
  byId("details-config").replaceChildren(configOf(trial));
  byId("details").showModal();
  byId("details").scrollTop = 0;
  drawOpened();
}

function startDetails() {
  redraws.push(drawOpened);
  byId("details").addEventListener("click", (event) => { if (event.target === byId("details")) byId("details").close(); });
}
