"""The confirmed cells against the baseline, as Markdown and for the terminal."""

from collections.abc import Mapping, Sequence

from analysis.columns import Row, metric_column
from analysis.compare import CellSummary, compare, counted_seeds
from analysis.paired_tests import paired_tests
from analysis.report.markdown import MISSING, bytes_shown, folded, mean_and_std, number, percent, signed, table
from analysis.study import Cell, Study
from analysis.tables import significance_table

# Shown beside the sweep's own metric where they were measured.
FURTHER = ("test/loss", "eval/perplexity", "time/tokens_per_sec", "memory/peak_gb", "optimizer_state_bytes")


def section(study: Study, cells: Sequence[CellSummary]) -> list[str]:
    """The results of the confirmation as a Markdown section."""
    if not cells:
        return ["## Results", "", "No cell has been confirmed yet.", ""]
    statement = study.statement
    unit = metric_column(statement.metric).unit
    seeds = ", ".join(map(str, counted_seeds(statement, study.rows)))
    fresh = ", which the exploration did not use" if statement.explores else ""
    intro = (
        f"{statement.metric}{'' if unit == '1' else f' in {unit}'} at the end of full runs on the seeds {seeds}{fresh}; mean ± sample "
        "standard deviation. Paired: mean of the relative differences to the baseline seed "
        f"by seed (below 0 is better), with its {statement.confidence:.0%} interval. {EXPLANATION}"
    )
    results = table(HEADER, [row_of(cell, study.cells) for cell in cells])
    return ["## Results", "", intro, "", *results, "", *_further(study, cells), *_tests(study, cells)]


EXPLANATION = (
    "Welch p: the p value of no difference to the baseline, without pairs and not corrected for the number of configurations; "
    "dead seeds: those that brought no number."
)
HEADER = ["configuration", "n", "mean ± std", "median", "Δ to baseline", "Δ relative", "paired", "Welch p", "dead seeds"]


def row_of(cell: CellSummary, known: Mapping[str, Cell]) -> list[str]:
    """One cell in the columns of `HEADER`."""
    return [
        known[cell.cell].title,
        str(cell.n),
        mean_and_std(cell.mean, cell.std),
        number(cell.median),
        signed(cell.difference),
        percent(cell.relative_difference),
        _paired(cell),
        f"{cell.welch.p_value:.2g}" if cell.welch else MISSING,
        _dead(cell),
    ]


def _paired(cell: CellSummary) -> str:
    if cell.paired is None:
        return MISSING
    return f"{percent(cell.paired.estimate)} [{percent(cell.paired.low)}, {percent(cell.paired.high)}]"


def _dead(cell: CellSummary) -> str:
    dead = [f"{seed} ({why})" for seed, why in cell.seeds.dead.items()]
    to_come = [f"{seed} (no full run yet)" for seed in cell.seeds.pending]
    return ", ".join([*dead, *to_come]) or "0"


def _further(study: Study, cells: Sequence[CellSummary]) -> list[str]:
    """Means of the other measurements over the same seeds."""
    measured = [name for name in FURTHER if name != study.statement.metric and any(row.get(name) is not None for row in study.rows)]
    columns = {name: _means(study, name) for name in measured}
    if not measured:
        return []
    header = ["configuration", *(_heading(name) for name in measured)]
    body = [[study.cells[cell.cell].title, *(columns[name].get(cell.cell, MISSING) for name in measured)] for cell in cells]
    return [*table(header, body), ""]


def _tests(study: Study, cells: Sequence[CellSummary]) -> list[str]:
    """The same differences by other tests, for readers who want them."""
    tests = paired_tests(study.statement, cells)
    body = [[study.cells[cell].title, *significance_table.texts(found)] for cell, found in tests.items()]
    if not body:
        return []
    lines = [significance_table.EXPLANATION, "", *table(significance_table.HEADER, body)]
    return [*folded("Tests against the baseline: paired and unpaired, bootstrap, effect sizes", lines), ""]


def _means(study: Study, name: str) -> dict[str, str]:
    shown = bytes_shown if name.endswith("_bytes") else None
    return {
        cell.cell: shown(cell.mean) if shown else mean_and_std(cell.mean, cell.std) for cell in compare(study.statement, study.rows, name)
    }


def _heading(name: str) -> str:
    unit = "" if name.endswith("_bytes") else metric_column(name).unit
    return name if unit in ("", "1") else f"{name} ({unit})"


def statuses(rows: Sequence[Row]) -> str:
    """``30 trials: 17 stopped early, 12 completed, 1 diverged``."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    parts = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"{len(rows)} trials" + (f": {parts}" if parts else "")
