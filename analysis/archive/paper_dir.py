"""Where the files of a paper's archive lie: ``results/archive/<paper>/``."""

import re
from dataclasses import dataclass
from pathlib import Path

from analysis.archive.bag import BAG_INFO, BAGIT, read_info
from trainable.spec.experiment_id import parse_experiment_id, slug

PAPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NUMBERED = re.compile(r"exp(\d+)_.*")


@dataclass(frozen=True)
class PaperDir:
    path: Path

    @property
    def manifest(self) -> Path:
        return self.path / "MANIFEST.md"

    @property
    def final_results(self) -> Path:
        return self.path / "final_results.csv"

    @property
    def citation(self) -> Path:
        return self.path / "CITATION.cff"

    @property
    def crate(self) -> Path:
        return self.path / "ro-crate-metadata.json"

    def sums(self, algorithm: str) -> Path:
        return self.path / sums_name(algorithm)

    def bags(self) -> dict[str, dict[str, str]]:
        """Folder name of each bag in it, in order, to its ``bag-info.txt``."""
        found = sorted(path.parent for path in self.path.glob(f"*/{BAGIT}") if not path.parent.name.startswith("."))
        return {bag.name: read_info((bag / BAG_INFO).read_text()) for bag in sorted(found, key=lambda bag: _order(bag.name))}


def sums_name(algorithm: str) -> str:
    """Named and written as the programs of that name do, so that ``sha256sum -c SHA256SUMS`` checks it."""
    return f"{algorithm.upper()}SUMS"


def archive_dir(results_dir: Path) -> Path:
    return results_dir / "archive"


def number_of(folder: str) -> int | None:
    """7 for ``exp007_adam_lr1e-3``; None for a folder without number."""
    match = _NUMBERED.fullmatch(folder)
    return int(match.group(1)) if match else None


def bag_name(number: int, run_id: str) -> str:
    """``exp007_adam_lr1e-3_seed2``: what was varied; the whole experiment id is in ``bag-info.txt``."""
    try:
        told = parse_experiment_id(run_id)
    except ValueError:
        return f"exp{number:03d}_{slug(run_id, extra='_-')}"
    seed = "" if told.seed is None else f"_seed{told.seed}"
    return f"exp{number:03d}_{told.category}_{told.variant}{seed}"


def _order(folder: str) -> tuple[float, str]:
    number = number_of(folder)
    return (float("inf") if number is None else number, folder)
