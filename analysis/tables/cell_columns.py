"""What every table of cells starts with: who the cell is, for readers and for programs."""

from collections.abc import Sequence
from typing import Any

from analysis.columns import CONFIG_PREFIX
from analysis.compare import CellSummary
from analysis.study import Study


def identity_columns(study: Study) -> list[str]:
    """Columns of `identity_of`."""
    return ["cell", "configuration", "role", *(CONFIG_PREFIX + key for key in study.statement.varied)]


def identity_of(study: Study, cell: CellSummary) -> list[Any]:
    known = study.cells[cell.cell]
    return [cell.cell, known.label, known.role or None, *(cell.values[key] for key in study.statement.varied)]


def is_whole(study: Study, cell: CellSummary) -> bool:
    """Whether every planned seed brought a number: only then may the cell be called best."""
    return cell.n >= len(study.statement.seeds) and not cell.seeds.dead and not cell.seeds.pending


def dead_seeds(cell: CellSummary) -> list[str]:
    """Seeds without a number, each with the reason."""
    pending = [f"{seed} (no full run yet)" for seed in cell.seeds.pending]
    return [*(f"{seed} ({why})" for seed, why in cell.seeds.dead.items()), *pending]


def seeds_shown(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
