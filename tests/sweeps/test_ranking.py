from hypothesis import given
from hypothesis import strategies as st

from sweeps.runner.ranking import best_cell, finalists, ranked_cells
from trainable.spec.ledger import TrialRecord
from trainable.spec.status import Status


def record(cell: str, step: int, status: Status = Status.COMPLETED, **metrics: float) -> TrialRecord:
    named = {name.replace("__", "/"): value for name, value in metrics.items()}
    made = TrialRecord(f"{cell}-s0", "explore", cell, 0, {"optimizer": cell[0]}, [], "run", status=status, step=step)
    made.evaluations = {step: named} if named else {}
    return made


def test_a_stopped_trial_that_is_ahead_goes_before_a_completed_one() -> None:
    trials = [
        record("d", 40, Status.STOPPED_EARLY, eval__loss=1.0),
        record("b", 100, eval__loss=3.0),
        record("c", 60, Status.STOPPED_EARLY, eval__loss=2.0),
        record("a", 100, eval__loss=2.5),
    ]
    assert ranked_cells(trials, ["eval/loss"]) == ["d", "c", "a", "b"]


def test_equal_values_go_to_the_one_further_in_training() -> None:
    trials = [record("a", 40, Status.STOPPED_EARLY, eval__loss=2.0), record("b", 100, eval__loss=2.0)]
    assert ranked_cells(trials, ["eval/loss"]) == ["b", "a"]


def test_the_dead_and_the_unmeasured_are_never_finalists() -> None:
    dead = [record("x", 10, status, eval__loss=0.1) for status in (Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY)]
    assert ranked_cells([*dead, record("y", 0, Status.INTERRUPTED), record("a", 100, eval__loss=9.0)], ["eval/loss"]) == ["a"]


def test_finalists_for_each_value_of_a_key() -> None:
    trials = [
        record("a1", 100, eval__loss=1.0),
        record("a2", 100, eval__loss=2.0),
        record("b1", 100, eval__loss=3.0),
        record("b2", 100, eval__loss=4.0),
    ]
    assert finalists(trials, ["eval/loss"], 1, "optimizer", None) == ("a1", "b1")
    assert finalists(trials, ["eval/loss"], 1, "optimizer", "a1") == ("a2", "b1")
    assert finalists(trials, ["eval/loss"], 2, None, "a1") == ("a2", "b1")
    assert best_cell(trials, ["eval/loss"], {"optimizer": "b"}) == "b1"


def test_throughput_is_better_higher() -> None:
    trials = [record("slow", 10, time__tokens_per_sec=1.0), record("fast", 10, time__tokens_per_sec=2.0)]
    assert ranked_cells(trials, ["time/tokens_per_sec"]) == ["fast", "slow"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_with_two_metrics_nothing_goes_before_what_dominates_it(points: list[tuple[int, int]]) -> None:
    trials = [record(f"{i:02d}", 10, eval__loss=float(a), memory__peak_gb=float(b)) for i, (a, b) in enumerate(points)]
    order = ranked_cells(trials, ["eval/loss", "memory/peak_gb"])
    place = {cell: number for number, cell in enumerate(order)}
    for i, one in enumerate(points):
        for j, other in enumerate(points):
            if one != other and one[0] <= other[0] and one[1] <= other[1]:
                assert place[f"{i:02d}"] < place[f"{j:02d}"]
