import logging
import math
from pathlib import Path

import optuna
import pytest
from ledgered import Ledgered, settings
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray import tune

from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.slots import slots
from trainable.spec.status import Status

SPACE = {"lr": tune.loguniform(1e-5, 1.0), "opt": tune.grid_search(["adamw", "adafactor"])}
ENDS = [
    Status.COMPLETED,
    Status.STOPPED_EARLY,
    Status.DIVERGED,
    Status.FAILED,
    None,
    Status.COMPLETED,
    Status.INTERRUPTED,
    Status.OUT_OF_MEMORY,
]


@pytest.fixture
def journal(tmp_path):
    (tmp_path / "lr_search-0123").mkdir()
    return tmp_path / "lr_search-0123" / "optuna.journal"


def read(journal):
    """The study as optuna-dashboard opens it."""
    (summary,) = optuna.get_all_study_summaries(JournalStorage(JournalFileBackend(str(journal))))
    return optuna.load_study(study_name=summary.study_name, storage=JournalStorage(JournalFileBackend(str(journal))))


def sweep(journal, setup, ends=ENDS, metrics=("eval/loss",)):
    bench = Ledgered(build_searcher(SPACE, setup, journal))
    for number, (slot, end) in enumerate(zip(slots(SPACE, setup.explore.samples, 0), ends, strict=False)):
        trial = bench.sample(slot)
        bench.start(trial)
        for step in (10, 20):
            loss = math.nan if end == Status.DIVERGED and step == 20 else 1.0 + number
            bench.report(trial, step, *[loss, 5.0][: len(metrics)], metrics=metrics)
        if end is not None:
            bench.end(trial, end, 20)
    bench.searcher.publish(final=True)
    return bench


def same(study, trials):
    assert [(t.state, t.values, t.params, t.distributions, t.intermediate_values, t.constraints, t.user_attrs) for t in study.trials] == [
        (t.state, t.values, t.params, t.distributions, t.intermediate_values, t.constraints, t.user_attrs) for t in trials
    ]


def test_what_is_appended_while_running_is_what_the_model_knows(journal):
    bench = sweep(journal, settings("optuna-tpe", samples=4))
    study = read(journal)
    same(study, bench.searcher.trials)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE]
    assert [trial.state for trial in study.trials] == [*states, TrialState.RUNNING, TrialState.PRUNED]
    assert study.trials[2].intermediate_values == {10: 3.0}
    assert (study.study_name, study.metric_names, study.best_value) == ("lr_search-0123", ["eval/loss"], 1.0)


def test_a_resume_writes_it_anew_and_goes_on(journal):
    setup = settings("optuna-tpe", samples=5)
    bench = sweep(journal, setup)
    journal.write_bytes(journal.read_bytes()[:-20] + b"torn")
    Path(f"{journal}.lock").symlink_to(journal)
    fresh = bench.restarted(SPACE, setup, journal)
    assert [path.name for path in journal.parent.iterdir()] == ["optuna.journal"]
    same(read(journal), fresh.trials)
    fresh.suggest(slots(SPACE, 5, 0)[9])
    fresh.started(slots(SPACE, 5, 0)[9], "another")
    fresh.reported("another", 10, {"eval/loss": 2.0})
    fresh.publish(final=True)
    same(read(journal), fresh.trials)
    assert len(read(journal).trials) == 9


def test_what_happens_between_two_writings_costs_one_lock_and_one_sync(journal, monkeypatch):
    bench = sweep(journal, settings("optuna-tpe", samples=4), ENDS[:3])
    written, append = [], JournalFileBackend.append_logs
    monkeypatch.setattr(JournalFileBackend, "append_logs", lambda *given: (written.append(given), append(*given)))
    for slot in slots(SPACE, 4, 0)[3:]:
        bench.run(slot, lambda values: (1.0, Status.COMPLETED))
    monkeypatch.setattr("sweeps.runner.searchers.journal._INTERVAL_SECONDS", math.inf)
    bench.searcher.publish()
    assert (len(written), len(read(journal).trials)) == (0, 3)
    monkeypatch.setattr("sweeps.runner.searchers.journal._INTERVAL_SECONDS", 0.0)
    bench.searcher.publish()
    bench.searcher.publish()
    assert len(written) == 1
    same(read(journal), bench.searcher.trials)


def test_a_trial_outside_the_space_is_left_out(journal):
    bench = Ledgered(build_searcher(SPACE, settings("optuna-tpe", samples=4), journal))
    bench.sample(slots(SPACE, 4, 0)[0], {"lr": 5.0, "opt": "adamw"})
    bench.sample(slots(SPACE, 4, 0)[0])
    bench.searcher.publish(final=True)
    same(read(journal), bench.searcher.trials)
    assert len(read(journal).trials) == 1


def test_a_trial_that_runs_again_is_open_again(journal):
    bench = sweep(journal, settings("optuna-tpe", samples=4))
    bench.start("t003", attempt=2)
    bench.report("t003", 30, 0.5)
    bench.searcher.publish(final=True)
    assert read(journal).trials[3].state == TrialState.RUNNING
    bench.end("t003", Status.COMPLETED, 30)
    bench.searcher.publish(final=True)
    same(read(journal), bench.searcher.trials)
    assert read(journal).best_trial.user_attrs["trial"] == "t003"


def test_several_metrics(journal):
    metrics = ("eval/loss", "eval/tokens_per_sec")
    bench = sweep(journal, settings("optuna-tpe", samples=4, metric=metrics), metrics=metrics)
    study = read(journal)
    same(study, bench.searcher.trials)
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert [trial.user_attrs["trial"] for trial in study.best_trials] == ["t000"]


def test_the_file_holds_no_pickle(journal):
    sweep(journal, settings("optuna-tpe", samples=4))
    assert all(line.startswith("{") for line in journal.read_text().splitlines())
    assert sorted(path.name for path in journal.parent.iterdir()) == ["optuna.journal"]


def test_a_journal_that_cannot_be_written_warns_once_and_changes_nothing(journal, tmp_path, caplog):
    blocked = tmp_path / "file" / "optuna.journal"
    blocked.parent.write_text("not a directory")
    setup = settings("optuna-tpe", samples=4)
    with caplog.at_level(logging.WARNING):
        without = sweep(blocked, setup)
    assert without.state.sampled_values == sweep(journal, setup).state.sampled_values
    (record,) = caplog.records
    assert "is no longer written" in record.getMessage()
    assert "the sweep goes on without it" in record.getMessage()


def test_a_disk_that_fills_up_while_running_warns_once(journal, caplog, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    setup = settings("optuna-tpe", samples=4)
    bench = sweep(journal, setup, ENDS[:3])
    monkeypatch.setattr(JournalFileBackend, "append_logs", full)
    with caplog.at_level(logging.WARNING):
        for slot in slots(SPACE, 4, 0)[3:]:
            bench.run(slot, lambda values: (1.0, Status.COMPLETED))
            bench.searcher.publish(final=True)
    assert ["No space left on device" in record.getMessage() for record in caplog.records] == [True]
    assert len(bench.searcher.trials) == 8
