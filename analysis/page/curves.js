// Learning curves: all curves of one colour and kind are one trace, with gaps, so that thousands of them stay quick.

// With more trials a drawing takes too long to follow the mouse.
const MOST_FOR_HOVER = 300;
let highlighted = null;

function stepsOf(differences) {
  let step = 0;
  return differences.map((difference) => (step += difference));
}

const chosenCurves = () => data.curves[Number(byId("curve-metric").value) || 0];

function joined(curves) {
  const [x, y, customdata, text] = [[], [], [], []];
  for (const [trial, differences, values] of curves) {
    x.push(...stepsOf(differences), null);
    y.push(...values, null);
    customdata.push(...values.map(() => trial), null);
    const title = plain(titleOf(trial));
    text.push(...values.map(() => title), "");
  }
  return { x, y, customdata, text };
}

const HOVER = "%{text}<br>step %{x}: %{y}<extra></extra>";

function grouped(curves) {
  const groups = new Map();
  for (const curve of curves) {
    const key = `${isConfirmed(curve[0])} ${colourOf(curve[0])}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(curve);
  }
  return [...groups].sort(([one], [other]) => one.localeCompare(other)).map(([, group]) => ({
    ...joined(group), mode: "lines", hovertemplate: HOVER, opacity: isConfirmed(group[0][0]) ? 1 : 0.7,
    line: { color: colourOf(group[0][0]), width: isConfirmed(group[0][0]) ? 2.6 : 1 },
  }));
}

// Where a curve ended that did not run to its end, and curves of a single point.
function ends(curves, keep, symbol, top) {
  const found = curves.filter(keep);
  const last = ([, , values]) => (top === null ? values.at(-1) : Math.min(values.at(-1), top));
  return {
    x: found.map(([, differences]) => stepsOf(differences).at(-1)), y: found.map(last), mode: "markers", hovertemplate: HOVER, cliponaxis: false,
    customdata: found.map(([trial]) => trial), text: found.map(([trial]) => plain(`${titleOf(trial)} (${value(trial, "status")})`)),
    marker: { symbol, size: 8, color: found.map(([trial]) => colourOf(trial)) },
  };
}

function drawCurves() {
  const metric = chosenCurves();
  if (metric === undefined) return;
  const log = byId("curve-log").checked;
  const passing = new Set(shown);
  const [kept, others] = [[], []];
  for (const curve of metric.curves) (passing.has(curve[0]) ? kept : others).push(curve);
  const top = log || !metric.range ? null : metric.range[1];
  const status = (name) => ([trial]) => value(trial, "status") === name;
  const alone = (curve) => curve[1].length === 1 && !status("stopped_early")(curve) && !status("diverged")(curve);
  const marked = highlighted === null ? [] : metric.curves.filter(([trial]) => trial === highlighted);
  const traces = [
    { ...joined(others), mode: "lines", hoverinfo: "skip", line: { color: ink("faint"), width: 0.7 } },
    ...grouped(kept),
    ends(kept, status("stopped_early"), "triangle-down-open", top), ends(kept, status("diverged"), "x-thin-open", top), ends(kept, alone, "circle", top),
    { ...joined(marked), mode: "lines+markers", hoverinfo: "skip", line: { color: ink("accent"), width: 4 } },
  ];
  const view = `${metric.metric} ${log}`;
  const yaxis = { title: { text: plain(metric.label) }, type: log ? "log" : "linear", ...(log || !metric.range ? {} : { range: metric.range }) };
  draw("curves", traces, layoutWith({ height: 380, uirevision: view, dragmode: "zoom", xaxis: { title: { text: "step" }, rangemode: "tozero" }, yaxis }), ["resetScale2d"]);
}

function highlight(trial) {
  if (highlighted === trial || trialCount > MOST_FOR_HOVER) return;
  highlighted = trial;
  requestAnimationFrame(() => { if (highlighted === trial) drawCurves(); });
}

const openClicked = (event) => { const trial = event.points[0]?.customdata; if (trial !== undefined && trial !== null) openTrial(trial); };

function startCurves() {
  data.curves.forEach((metric, number) => byId("curve-metric").append(element("option", { value: number }, metric.label)));
  byId("curves").closest("figure").hidden = data.curves.length === 0;
  byId("curve-metric").addEventListener("change", drawCurves);
  byId("curve-log").addEventListener("change", drawCurves);
  followers.push(drawCurves);
  redraws.push(drawCurves);
  binders.set("curves", () => byId("curves").on("plotly_click", openClicked));
}
