"""Rebuilds figures and tables of a sweep from its Parquet, the Parquet from ledger and runs, and compares them with what is there."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from analysis.archive.bag import PAYLOAD, manifest_name, read_manifest
from analysis.archive.contents import contents
from analysis.archive.fingerprint import fingerprint
from analysis.archive.retold import Retold, retold
from analysis.archive.sources import installed, requirements
from analysis.archive.verify import differences
from analysis.figures.registry import draw_figures
from analysis.study import Study
from analysis.tables.registry import write_tables
from trainable.spec.sweep_dir import SweepDir

FOLDERS = ("figures/", "tables/")
INPUTS = ("sweep.json", "trials.parquet", "metrics.parquet")


def rebuild(directory: Path, target: Path) -> None:
    """Draws and writes into `target` what a report of the sweep in `directory` has in ``figures/`` and ``tables/``."""
    draw_figures(Study.from_files(directory), target / "figures")
    write_tables(SweepDir(directory), target / "tables")


def rebuilt_otherwise(directory: Path, expected: dict[str, str]) -> list[str]:
    """How the rebuilt files differ from `expected`, name to SHA-256."""
    with tempfile.TemporaryDirectory() as folder:
        rebuild(directory, Path(folder))
        return differences(expected, digests(Path(folder)))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the figures and tables below `folder`."""
    return {name: fingerprint(folder / name).sha256 for name in contents(folder).files if name.startswith(FOLDERS)}


def reproduce(bag: Path) -> tuple[list[str], int]:
    """What is amiss with the figures and tables of a sweep's bag, and how many there are."""
    told = read_manifest((bag / manifest_name("sha256")).read_text())
    payload = {name.removeprefix(PAYLOAD): digest for name, digest in told.items()}
    damaged = [name for name in INPUTS if payload.get(name) != fingerprint(SweepDir(bag / PAYLOAD).path / name).sha256]
    if damaged:
        return [f"altered: {name}; nothing can be rebuilt from it" for name in damaged], 0
    expected = {name: digest for name, digest in payload.items() if name.startswith(FOLDERS)}
    return rebuilt_otherwise(bag / PAYLOAD, expected), len(expected)


def other_packages(frozen: str) -> list[str]:
    """Installed versions that are not those of the archive: why a picture may have other bytes."""
    here = dict(line.split("==") for line in requirements(installed()).splitlines())
    then = dict(line.split("==") for line in frozen.splitlines())
    return [f"{name} {here[name]} instead of {version}" for name, version in then.items() if name in here and here[name] != version]


def main(arguments: Sequence[str]) -> int:
    """``python -m analysis.archive.rebuild BAG``, as an archive's ``reproduce.py`` calls it. Exit code 1: something is not as archived."""
    bag = Path(arguments[0])
    faults, count = reproduce(bag)
    tables = retold(bag) if count else Retold([], 0, 0)
    faults += tables.faults
    if not faults:
        print(f"{bag.name}: {count} figures and tables rebuilt from the Parquet, each with the archived checksum; {tables.sentence}")
        return 0
    print("\n".join(f"{bag.name}: {fault}" for fault in faults), file=sys.stderr)
    if others := other_packages((bag / "reproduce" / "requirements-frozen.txt").read_text()):
        print(f"note: packages are not those of the archive: {', '.join(others)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
