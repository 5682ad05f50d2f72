"""A sweep with what real runs have beside their numbers, archived."""

import os
from pathlib import Path

from sweep_on_disk import LR, SweepBuilder, empty_sweep

from analysis.archive.archive import Done, Order, archive
from analysis.archive.paper_dir import PaperDir
from trainable.spec.atomic_write import write_json
from trainable.spec.run_dir import RunDir

TODAY = "2026-03-02"


def small_sweep(root: Path) -> SweepBuilder:
    """Two explored and two confirmed runs, each with checkpoints of which `best` and `final` are hard links."""
    sweep = empty_sweep(root)
    sweep.driver()
    trials = [sweep.trial({LR: 0.003}, final=4.0), sweep.trial({LR: 0.01}, final=3.0)]
    sweep.finalists(sweep.cell({LR: 0.01}))
    trials += [*sweep.confirm({LR: 0.003}, {1: 4.0}), *sweep.confirm({LR: 0.01}, {1: 3.6})]
    for trial in trials:
        furnish(sweep.run_dir(trial))
    sweep.write()
    return sweep


def furnish(run_dir: RunDir) -> None:
    write_json(run_dir.provenance, {"git": {"commit": "abc123", "diff": ""}, "packages": {"torch": "2.13.0+cpu", "numpy": "2.4.6"}})
    weights = run_dir.checkpoint(40) / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(os.urandom(2000))
    for name in ("best", "final"):
        run_dir.checkpoint(name).mkdir()
        os.link(weights, run_dir.checkpoint(name) / weights.name)
    (run_dir.path / "wandb").mkdir()
    (run_dir.path / "wandb" / "latest-run").symlink_to("run-1")
    run_dir.lock.touch()


def paper_of(sweep: SweepBuilder) -> PaperDir:
    return PaperDir(sweep.root / "archive" / "paper1-characterization")


def archived(sweep: SweepBuilder, checkpoints: bool = True, move: bool = False, shown_in: str | None = None) -> Done:
    return archive(Order(sweep.directory, paper_of(sweep), TODAY, checkpoints, move, shown_in))


def tree(folder: Path) -> dict[str, bytes]:
    """Every plain file below `folder` and its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
