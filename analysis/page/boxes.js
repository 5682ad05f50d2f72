// A box drawn in a figure filters the trials everywhere. `selections` counts up where boxes are taken away by us and not by the mouse.

const selections = { parallel: 0, "by-value": 0 };

// A box in the figure `id` filters the trials everywhere.
function selectsIn(id, name, chosen) {
  const figure = byId(id);
  const undo = () => { selections[id] += 1; Plotly.relayout(figure, { selections: [] }); };
  figure.on("plotly_selected", (event) => {
    const points = event?.points.filter((point) => point.customdata !== undefined && point.customdata !== null) ?? [];
    if (!points.length) return dropFilter(id);
    const kept = chosen(points);
    setFilter(id, `selected in ${name}`, (trial) => kept.has(trial), undo);
  });
  figure.on("plotly_deselect", () => dropFilter(id));
  figure.on("plotly_click", openClicked);
}

// Boxes speak of one key's axis; another key starts without.
function clearBoxes(id) {
  filters.get(id)?.undo();
  dropFilter(id);
}
