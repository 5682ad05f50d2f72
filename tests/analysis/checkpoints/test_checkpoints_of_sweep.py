from sweep_on_disk import LR, SweepBuilder

from analysis.checkpoints.hashes import Hashes
from analysis.checkpoints.of_sweep import tally, verify_trials
from analysis.checkpoints.verify import FoundCheckpoint, RunCheckpoints
from analysis.load import load_sweep
from trainable.spec.status import Status


def test_runs_that_still_write_are_left_out(sweep: SweepBuilder) -> None:
    ended, running = sweep.trial({LR: 0.01}), sweep.trial({LR: 0.02}, status=Status.RUNNING)
    checked = verify_trials(load_sweep(sweep.write()).trials, Hashes())
    assert (running in checked, checked[ended].missing) == (False, ("final", "best"))
    assert tally(checked).sentence() == "0 checkpoints whole, 0 corrupt, 2 missing."


def test_the_tally_says_how_deep_it_looked() -> None:
    whole, opened, torn = (
        FoundCheckpoint("checkpoints/best", 1, hashed=True),
        FoundCheckpoint("checkpoints/final", 1),
        FoundCheckpoint("x", faults=("torn",)),
    )
    adapter = FoundCheckpoint("adapters/final")
    assert tally({}).sentence() == "No checkpoint was saved."
    counted = tally({"a": RunCheckpoints((whole, adapter)), "b": RunCheckpoints((opened, torn), ("final",))})
    assert counted.sentence() == "3 checkpoints whole (opened; 2 of them compared with their SHA-256), 1 corrupt, 1 missing."
