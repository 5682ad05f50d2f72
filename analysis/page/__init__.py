"""``report.html`` and the list page that ``analysis serve`` shows: self-contained, with Plotly inlined."""
