"""Every confirmed cell tested against the baseline: Student's, Wilcoxon's and Welch's tests, bootstrap, ratio and effect sizes."""

from typing import Any

from analysis.compare import compare
from analysis.figures.style import metric_label
from analysis.paired_tests import PairedTests, paired_tests
from analysis.report.markdown import MISSING, number, signed
from analysis.significance.intervals import Interval
from analysis.study import Study
from analysis.tables.cell_columns import identity_columns, identity_of
from analysis.tables.results_table import interval_shown
from analysis.tables.table import Entry, Numbers, Table

_SINGLE = ("paired_t_p", "wilcoxon_p", "welch_p", "cohens_dz", "hedges_g")
HEADER = ["configuration", "pairs", "Δ", "BCa", "ratio", "paired t p", "Wilcoxon p", "Welch p", "d_z", "g"]
EXPLANATION = (
    "Δ: mean difference to the baseline, paired by seed, with Student's interval; BCa: its bootstrap interval; ratio: geometric mean of "
    "the ratios to the baseline; d_z: Cohen's effect size of the pairs; g: Hedges' effect size of the two samples. Two-sided p values, "
    "not corrected for the number of cells. A dash: too few seeds, or no spread, for such a number."
)


def significance_table(study: Study) -> Table | None:
    """None while no cell has two seeds in common with the baseline."""
    cells = compare(study.statement, study.rows)
    tests = paired_tests(study.statement, cells)
    known = [cell for cell in cells if cell.cell in tests]
    if not known:
        return None
    what = f"{metric_label(study.statement.metric)} of confirmed cells against the baseline"
    columns = ["n_pairs", *(f"{name}{end}" for name in ("difference", "ratio") for end in ("", "_low", "_high")), "bca_low", "bca_high"]
    return Table(
        caption=f"{what}; intervals at {study.statement.confidence:.0%}. {EXPLANATION}",
        header=HEADER,
        rows=[[Entry(text) for text in (study.cells[cell.cell].title, *texts(tests[cell.cell]))] for cell in known],
        numbers=Numbers(
            [*identity_columns(study), *columns, *_SINGLE],
            [[*identity_of(study, cell), *_numbers(tests[cell.cell])] for cell in known],
        ),
    )


def texts(tests: PairedTests) -> list[str]:
    """The columns of `HEADER` after the first."""
    return [
        str(tests.difference.n),
        interval_shown(tests.difference, signed),
        MISSING if tests.bootstrap is None else f"[{signed(tests.bootstrap[0])}, {signed(tests.bootstrap[1])}]",
        interval_shown(tests.ratio, number),
        *(p_shown(p) for p in (tests.paired_t_p, tests.wilcoxon_p, tests.welch_p)),
        *(MISSING if size is None else f"{size:+.2f}" for size in (tests.cohens_dz, tests.hedges_g)),
    ]


def p_shown(p_value: float | None) -> str:
    return MISSING if p_value is None else f"{p_value:.2g}"


def _numbers(tests: PairedTests) -> list[Any]:
    def ends(interval: Interval | None) -> tuple[float | None, ...]:
        return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)

    bootstrap = tests.bootstrap or (None, None)
    return [tests.difference.n, *ends(tests.difference), *ends(tests.ratio), *bootstrap, *(getattr(tests, name) for name in _SINGLE)]
