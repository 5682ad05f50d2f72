"""What a sweep takes on disk, by kind of file; a file with several names (hard links) counts once."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from analysis.report.evidence import Evidence
from analysis.report.markdown import bytes_shown, long_table, table
from trainable.spec.status import Status

_MODEL, _TRAINING, _ADAPTERS, _OTHER = "model weights", "training state", "adapters", "other"
_BY_FOLDER = {"logs": "logs and metrics", "plots": "plots", "wandb": "wandb", "tensorboard": "tensorboard", "adapters": _ADAPTERS}
_NOTABLE = 1.05
_ENDED = frozenset({Status.COMPLETED, Status.STOPPED_EARLY, Status.DIVERGED})


def run_sizes(run: Path) -> Counter[str]:
    """Bytes of a run directory by kind."""
    sizes: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for path, stat in _files(run):
        if (stat.st_dev, stat.st_ino) not in seen:
            seen.add((stat.st_dev, stat.st_ino))
            sizes[kind_of(path.relative_to(run))] += stat.st_size
    return sizes


def kind_of(path: Path) -> str:
    """What a file of a run is for, by its path in the run directory."""
    if path.parts[0] == "checkpoints":
        return _MODEL if path.name.startswith("model") else _TRAINING
    return _BY_FOLDER.get(path.parts[0], _OTHER)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            # A run under way removes files while they are counted.
            with suppress(FileNotFoundError):
                if not path.is_symlink():
                    yield path, path.stat()


def section(evidence: Evidence) -> list[str]:
    """By kind and by configuration, and what may go."""
    by_cell: dict[str, list[Counter[str]]] = defaultdict(list)
    for trial in evidence.sweep.trials:
        if trial.run_dir.path.is_dir():
            by_cell[trial.cell].append(run_sizes(trial.run_dir.path))
    if not by_cell:
        return []
    total: Counter[str] = sum((one for sizes in by_cell.values() for one in sizes), Counter())
    kinds = [kind for kind, _ in total.most_common()]
    body = [
        [evidence.title(cell), str(len(by_cell[cell])), *(bytes_shown(_mean(by_cell[cell], kind)) for kind in kinds), _whole(by_cell[cell])]
        for cell in evidence.study.cells
        if cell in by_cell
    ]
    runs = sum(map(len, by_cell.values()))
    lines = [
        f"{bytes_shown(total.total())} in {runs} run directories, {bytes_shown(_sweep_bytes(evidence))} in ledger, tables and figures.",
        "",
        *table(
            ["kind", "size", "share"],
            [[kind, bytes_shown(size), f"{size / max(1, total.total()):.0%}"] for kind, size in total.most_common()],
        ),
        "",
    ]
    if _differ(by_cell):
        lines += ["", *long_table(["configuration", "runs", *kinds, "all of them"], body, "Mean size of a run by configuration")]
    return ["## Storage", "", *lines, "", *_what_may_go(evidence, total), ""]


def _differ(by_cell: dict[str, list[Counter[str]]]) -> bool:
    """Whether the mean sizes of the configurations are further apart than a few logs and plots make them."""
    means = [sum(one.total() for one in sizes) / len(sizes) for sizes in by_cell.values()]
    return max(means) > _NOTABLE * min(means)


def _mean(sizes: list[Counter[str]], kind: str) -> float:
    return sum(one[kind] for one in sizes) / len(sizes)


def _whole(sizes: list[Counter[str]]) -> str:
    return bytes_shown(sum(one.total() for one in sizes))


def _sweep_bytes(evidence: Evidence) -> int:
    """Ledger, tables and figures: what does not change by writing about it."""
    directory = evidence.sweep.directory
    files = [directory.statement, directory.ledger, directory.trials, directory.metrics, *evidence.figures]
    return sum(file.stat().st_size for file in files if file.is_file())


def _what_may_go(evidence: Evidence, total: Counter[str]) -> list[str]:
    ended = all(trial.status in _ENDED for trial in evidence.sweep.trials)
    if not total[_TRAINING] or not ended:
        return []
    kept = total.total() - total[_TRAINING]
    return [
        f"Every trial has ended: without the training state (optimizer, random numbers), which only continuing needs, {bytes_shown(kept)} "
        "would remain. `model.safetensors` alone evaluates a run."
    ]
