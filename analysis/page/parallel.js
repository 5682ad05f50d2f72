// Parallel coordinates: every trial a line through its values to its metric. A box over an axis selects.

const BELOW = -0.12;

// An axis gives the place of a trial between 0 and 1, or null where it has no value.
function keyAxis(key) {
  const span = key.high - key.low;
  const place = (given) => (key.names ? key.names.indexOf(String(given ?? "None")) : key.log ? Math.log10(given) : given);
  const of = (trial) => { const given = value(trial, key.id); return given === null && !key.names ? null : (place(given) - key.low) / span; };
  return { id: key.id, name: key.log ? `${key.name} (log)` : key.name, ticks: key.ticks, of };
}

// The scale of `from`; what lies beyond it stands just outside.
function numberAxis(id, name, log, from) {
  const scale = log ? Math.log10 : (number) => number;
  const numbers = from.filter((trial) => value(trial, id) !== null).map((trial) => scale(value(trial, id)));
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (!(high > low)) return null;
  const back = (share) => { const at = low + share * (high - low); return log ? 10 ** at : at; };
  const of = (trial) => {
    const given = value(trial, id);
    return given === null ? null : Math.min(1.06, Math.max(-0.06, (scale(log ? Math.max(given, 1e-300) : given) - low) / (high - low)));
  };
  return { id, name: log ? `${name} (log)` : name, ticks: [0, 0.25, 0.5, 0.75, 1].map((share) => [share, written(Number(back(share).toPrecision(3)))]), of };
}

const axes = [
  ...data.keys.map(keyAxis),
  numberAxis("step", "steps", false, everyTrial),
  numberAxis(data.metric.id, data.metric.id, data.metric.log, everyTrial.filter(isFull).length > 1 ? everyTrial.filter(isFull) : everyTrial),
].filter((axis) => axis !== null);

// Colours by rank among the full runs, the best brightest on dark ground and darkest on light.
function rankColours() {
  const full = everyTrial.filter((trial) => isFull(trial) && value(trial, data.metric.id) !== null);
  const sign = data.metric.higherIsBetter ? -1 : 1;
  full.sort((one, other) => sign * (value(one, data.metric.id) - value(other, data.metric.id)));
  const levels = data.ranks.light.length;
  return new Map(full.map((trial, rank) => [trial, Math.floor((levels * rank) / full.length)]));
}

const isMissing = everyTrial.some((trial) => axes.some((axis) => axis.of(trial) === null));
const levelOf = rankColours();

function lines(trials, line) {
  const [x, y] = [[], []];
  for (const trial of trials) {
    axes.forEach((axis, number) => { x.push(number); y.push(axis.of(trial) ?? BELOW); });
    x.push(null);
    y.push(null);
  }
  return { x, y, mode: "lines", hoverinfo: "skip", line };
}

function handles(passing) {
  const made = { x: [], y: [], customdata: [], text: [], mode: "markers", hovertemplate: "%{text}<extra></extra>" };
  const opacity = [];
  for (const trial of everyTrial) {
    axes.forEach((axis, number) => {
      made.x.push(number);
      made.y.push(axis.of(trial) ?? BELOW);
      made.customdata.push(trial);
      made.text.push(`${plain(titleOf(trial))}<br>${plain(axis.name)}: ${plain(written(value(trial, axis.id)))}`);
      opacity.push(passing.has(trial) ? 0.9 : 0.15);
    });
  }
  return { ...made, marker: { size: 5, color: ink("text"), opacity }, unselected: { marker: { opacity: 0.5 } } };
}

function axisMarks() {
  const shapes = axes.map((_, number) => ({ type: "line", x0: number, x1: number, y0: 0, y1: 1, line: { color: ink("muted"), width: 1 }, layer: "below" }));
  const ticks = axes.flatMap((axis, number) => axis.ticks.map(([share, text]) => ({
    x: number, y: share, text: plain(text), showarrow: false, xanchor: number ? "left" : "right", xshift: number ? 5 : -5, bgcolor: ink("veil"),
    font: { size: 11, color: ink("text") }, borderpad: 0,
  })));
  return { shapes, annotations: isMissing ? [...ticks, { x: 0, y: BELOW, text: "no value", showarrow: false, xanchor: "right", xshift: -5, font: { size: 11, color: ink("muted") } }] : ticks };
}

function drawParallel() {
  const passing = new Set(shown);
  const ramp = data.ranks[isDark() ? "dark" : "light"];
  const brightest = isDark() ? [...ramp].reverse() : ramp;
  const byLevel = brightest.map((color, level) => [color, shown.filter((trial) => levelOf.get(trial) === level)]);
  const bold = shown.length < 200 ? 1.8 : 0.9;
  const traces = [
    lines(everyTrial.filter((trial) => !passing.has(trial)), { color: ink("faint"), width: 0.6 }),
    lines(shown.filter((trial) => !levelOf.has(trial)), { color: ink("grey"), width: 0.9 }),
    ...byLevel.reverse().map(([color, trials]) => lines(trials, { color, width: bold })),
    handles(passing),
  ];
  const layout = layoutWith({
    height: 380, dragmode: "select", uirevision: "parallel", selectionrevision: selections.parallel, selections: byId("parallel").layout?.selections ?? [], ...axisMarks(),
    xaxis: { range: [-0.6, axes.length - 0.45], tickvals: axes.map((_, number) => number), ticktext: axes.map((axis) => plain(axis.name).replace(" (log)", "<br>(log)")), tickangle: 0, showgrid: false, showline: false, fixedrange: true },
    yaxis: { range: [isMissing ? BELOW - 0.06 : -0.1, 1.1], visible: false, fixedrange: true },
  });
  byId("best-colour").textContent = isDark() ? "brighter" : "darker";
  draw("parallel", traces, layout);
}

// Any box of an axis will do, and every axis that has boxes must agree.
function passedBoxes(points) {
  const byAxis = new Map();
  for (const point of points) {
    if (!byAxis.has(point.x)) byAxis.set(point.x, new Set());
    byAxis.get(point.x).add(point.customdata);
  }
  const sets = [...byAxis.values()];
  return new Set(everyTrial.filter((trial) => sets.every((set) => set.has(trial))));
}

function startParallel() {
  byId("parallel-figure").hidden = axes.length < 2;
  if (axes.length < 2) return;
  byId("parallel").style.minWidth = `${Math.max(280, 118 * axes.length)}px`;
  binders.set("parallel", () => selectsIn("parallel", "parallel coordinates", passedBoxes));
  followers.push(drawParallel);
  redraws.push(drawParallel);
}
