// The metric against one varied value: each trial a mark, each confirmed configuration its mean and deviation.

const chosenKey = () => data.keys[Number(byId("by-value-key").value) || 0];

function spread(numbers) {
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const squares = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0);
  return [mean, numbers.length > 1 ? Math.sqrt(squares / (numbers.length - 1)) : null];
}

function marks(trials, key, x, style) {
  const metric = data.metric.id;
  return {
    x: trials.map(x), y: trials.map((trial) => Math.min(value(trial, metric), data.metric.edge ?? Infinity)), customdata: trials, mode: "markers", cliponaxis: false,
    text: trials.map((trial) => plain(`${titleOf(trial)} (${value(trial, "status")}): ${written(value(trial, metric))}`)), hovertemplate: "%{text}<extra></extra>",
    marker: { size: 8, line: { width: 1.5, color: trials.map(colourOf) }, color: trials.map(colourOf), ...style },
    selected: {}, unselected: { marker: { opacity: 0.6 } },
  };
}

// Mean and sample standard deviation over the completed confirmations of each configuration.
function means(key, x) {
  const cells = new Map();
  for (const trial of shown) {
    if (!isConfirmed(trial) || !isFull(trial) || value(trial, data.metric.id) === null) continue;
    const cell = value(trial, "cell");
    cells.set(cell, [...(cells.get(cell) ?? []), trial]);
  }
  const found = [...cells.values()].map((trials) => [trials[0], ...spread(trials.map((trial) => value(trial, data.metric.id)))]);
  return {
    x: found.map(([trial]) => x(trial)), y: found.map(([, mean]) => mean), mode: "markers",
    text: found.map(([trial, mean, std]) => plain(`${cellOf(trial).title}: ${written(mean)} ± ${written(std)}`)), hovertemplate: "%{text}<extra></extra>",
    marker: { symbol: "line-ew-open", size: 18, color: ink("text"), line: { width: 2, color: ink("text") } },
    error_y: { type: "data", array: found.map(([, , std]) => std), color: ink("text"), thickness: 1.4, width: 6 },
  };
}

function drawByValue() {
  const key = chosenKey();
  if (key === undefined) return;
  const x = (trial) => (key.names ? key.names.indexOf(String(value(trial, key.id) ?? "None")) : value(trial, key.id));
  const hasValue = (trial) => value(trial, data.metric.id) !== null;
  const measured = shown.filter(hasValue);
  const passing = new Set(shown);
  const others = everyTrial.filter((trial) => hasValue(trial) && !passing.has(trial));
  const is = (name) => (trial) => value(trial, "status") === name;
  const explored = measured.filter((trial) => !isConfirmed(trial));
  const traces = [
    { ...marks(others, key, x, { size: 6, color: ink("faint"), line: { width: 0 } }), hoverinfo: "skip", hovertemplate: null },
    marks(explored.filter((trial) => !is("stopped_early")(trial) && !is("diverged")(trial)), key, x, { symbol: "circle-open" }),
    marks(explored.filter(is("stopped_early")), key, x, { symbol: "triangle-down-open" }),
    marks(measured.filter(is("diverged")), key, x, { symbol: "x-thin-open" }),
    marks(measured.filter((trial) => isConfirmed(trial) && !is("diverged")(trial)), key, x, { symbol: "circle", size: 7, opacity: 0.75 }),
    means(key, x),
  ];
  const ticks = key.names ? { tickvals: key.names.map((_, number) => number), ticktext: key.names.map(plain) } : key.log && !key.few ? { dtick: key.high - key.low > 1.5 ? 1 : "D2" } : key.few ? { tickvals: key.few, ticktext: key.few.map(written) } : {};
  const layout = layoutWith({
    height: 380, dragmode: "select", uirevision: key.id, selectionrevision: selections["by-value"], selections: byId("by-value").layout?.selections ?? [],
    xaxis: { title: { text: plain(key.label) }, type: key.log ? "log" : "linear", ...ticks, ...(key.names ? { range: [-0.5, key.names.length - 0.5] } : {}) },
    yaxis: { title: { text: plain(data.metric.label) }, type: data.metric.log ? "log" : "linear" },
  });
  draw("by-value", traces, layout, ["zoom2d", "select2d", "lasso2d", "resetScale2d"]);
}

function startByValue() {
  byId("by-value-figure").hidden = data.keys.length === 0;
  if (data.keys.length === 0) return;
  data.keys.forEach((key, number) => byId("by-value-key").append(element("option", { value: number }, key.name)));
  byId("by-value-key").addEventListener("change", () => { clearBoxes("by-value"); drawByValue(); });
  binders.set("by-value", () => selectsIn("by-value", "metric by value", (points) => new Set(points.map((point) => point.customdata))));
  followers.push(drawByValue);
  redraws.push(drawByValue);
}
