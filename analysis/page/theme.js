// Light and dark: as the system says or as chosen, for the page and for its figures; always light on paper.

const byId = (id) => document.getElementById(id);
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
let onPaper = false;
const redraws = [];
// What a figure listens to, by its id: bound when it is drawn for the first time.
const binders = new Map();
const PAPER_WIDTH = 670;

const isDark = () => !onPaper && (byId("theme").value === "auto" ? systemDark.matches : byId("theme").value === "dark");
const colourOf = (trial) => cellOf(trial).colours[isDark() ? 1 : 0];

function remembered() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  for (const button of document.querySelectorAll("button.cell"))
    button.firstElementChild.style.background = data.cells[Number(button.dataset.cell)].colours[isDark() ? 1 : 0];
  for (const redraw of redraws) redraw();
}

function startTheme() {
  if (["light", "dark"].includes(remembered())) byId("theme").value = remembered();
  byId("theme").addEventListener("change", () => {
    try { localStorage.setItem("theme", byId("theme").value); } catch { /* a page that may not remember still changes */ }
    applyTheme();
  });
  systemDark.addEventListener("change", applyTheme);
  window.addEventListener("beforeprint", () => { onPaper = true; applyTheme(); });
  window.addEventListener("afterprint", () => { onPaper = false; applyTheme(); });
}

function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// What every figure's layout starts from, in the colours of the page.
function layoutWith(own) {
  const axis = (given) => ({ gridcolor: ink("grid"), linecolor: ink("muted"), zeroline: false, automargin: true, exponentformat: given?.type === "log" ? "power" : "none", separatethousands: true, ...given });
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { color: ink("text"), family: "system-ui, sans-serif", size: 12 }, margin: { l: 56, r: 16, t: 30, b: 48 },
    modebar: { color: ink("muted"), activecolor: ink("text"), bgcolor: "rgba(0,0,0,0)" },
    hoverlabel: { bgcolor: ink("surface"), bordercolor: ink("muted"), font: { color: ink("text") }, align: "left" },
    activeselection: { fillcolor: ink("accent"), opacity: 0.15 }, newselection: { line: { color: ink("accent"), dash: "dot" } },
    ...own, xaxis: axis(own.xaxis), yaxis: axis(own.yaxis),
  };
}

function draw(id, traces, layout, buttons = []) {
  const settings = {
    responsive: true, displaylogo: false, displayModeBar: true,
    modeBarButtons: [["toImage", ...buttons]], toImageButtonOptions: { filename: `${document.querySelector("h1").textContent}-${id}`, scale: 2 },
  };
  Plotly.react(byId(id), traces, { ...layout, ...(onPaper ? { width: PAPER_WIDTH } : {}) }, settings);
  // Loose numbers of axes say nothing to a screen reader; the figure has a name, and the table the numbers.
  for (const drawing of byId(id).querySelectorAll("svg.main-svg")) drawing.setAttribute("aria-hidden", "true");
  binders.get(id)?.();
  binders.delete(id);
}
