"""Tables of a sweep as LaTeX, Markdown and CSV: what stands in each is computed apart from its form."""
