"""Every confirmed cell tested against the baseline: paired and unpaired, parametric and not, with its effect size."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.compare import CellSummary
from analysis.significance.bootstrap import bca_interval
from analysis.significance.effect_size import cohens_dz, hedges_g
from analysis.significance.intervals import Interval, mean_interval, pairs_of, ratio_interval
from analysis.significance.one_sample import t_test, wilcoxon_signed_rank
from trainable.spec.statement import Statement


@dataclass(frozen=True)
class PairedTests:
    """A cell against the baseline, paired by seed except for `welch_p` and `hedges_g`; p values are two-sided.

    `difference` is cell - baseline in the metric's unit, `bootstrap` its BCa interval, `ratio` the geometric mean of cell / baseline.
    None where the values allow no such number. Nothing here is corrected for the number of cells: verdicts are.
    """

    difference: Interval
    bootstrap: tuple[float, float] | None
    ratio: Interval | None
    paired_t_p: float
    wilcoxon_p: float | None
    welch_p: float | None
    cohens_dz: float | None
    hedges_g: float | None


def paired_tests(statement: Statement, cells: Sequence[CellSummary]) -> dict[str, PairedTests]:
    """By cell, for those with at least two seeds in common with the baseline; `cells` are those of `analysis.compare.compare`."""
    baseline = next((cell for cell in cells if cell.is_baseline), None)
    if baseline is None:
        return {}
    found = {cell.cell: _tests(cell, baseline, statement.confidence) for cell in cells if not cell.is_baseline}
    return {cell: tests for cell, tests in found.items() if tests is not None}


def _tests(cell: CellSummary, baseline: CellSummary, confidence: float) -> PairedTests | None:
    pairs = list(pairs_of(cell.seeds.values, baseline.seeds.values).values())
    differences = [ours - theirs for ours, theirs in pairs]
    difference = mean_interval(differences, confidence)
    if difference is None:
        return None
    return PairedTests(
        difference=difference,
        bootstrap=bca_interval(differences, confidence),
        ratio=ratio_interval(pairs, confidence),
        paired_t_p=t_test(difference),
        wilcoxon_p=wilcoxon_signed_rank(differences),
        welch_p=cell.welch.p_value if cell.welch else None,
        cohens_dz=cohens_dz(differences),
        hedges_g=hedges_g(list(cell.seeds.values.values()), list(baseline.seeds.values.values())),
    )
