import json
import shutil

import pytest
from sweep_on_disk import LR, SweepBuilder, losses

from analysis.load import load_run, load_sweep
from analysis.remembered import Remembered
from analysis.summarize import summarize
from trainable.spec.status import Stage, Status


def notes_of(sweep: SweepBuilder, trial: str) -> tuple[str, ...]:
    return {t.trial: t.notes for t in load_sweep(sweep.write()).trials}[trial]


def test_two_witnesses_that_agree_leave_no_note(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, final=3.0)
    loaded = load_sweep(sweep.write())
    assert (loaded.notes, [t.trial for t in loaded.trials]) == ([], [trial])
    assert notes_of(sweep, trial) == ()


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"step": 30}, "step: ledger 40, summary.json 30"),
        ({"attempt": 2}, "attempt: ledger 1, summary.json 2"),
        ({"metrics": {"eval/loss": 2.5}}, "eval/loss at step 40: ledger 3.0, summary.json 2.5"),
        ({"metrics": {"eval/loss": 3.0, "test/loss": 2.0}}, "test/loss at step 40: ledger 2.5, summary.json 2.0"),
    ],
)
def test_a_disagreement_is_reported(sweep: SweepBuilder, changed: dict[str, object], note: str) -> None:
    trial = sweep.trial({LR: 0.01}, final=3.0, **changed)
    sweep.events[-2]["metrics"]["test/loss"] = 2.5
    assert notes_of(sweep, trial) == (note,)


def test_a_metric_that_the_ledger_contradicts_is_missing_in_the_table(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=3.0, metrics={"eval/loss": 2.5, "train/loss": 2.4})
    (row,) = summarize(load_sweep(sweep.write()))
    assert (row["eval/loss"], row["train/loss"], row["note"]) == (None, 2.4, "eval/loss at step 40: ledger 3.0, summary.json 2.5")


def test_status_and_configuration_that_contradict_the_ledger(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, final=3.0)
    path = sweep.run_dir(trial).summary
    summary = json.loads(path.read_text())
    summary["status"], summary["config"] = "running", {"optimizer": {"lr": 0.02}}
    path.write_text(json.dumps(summary))
    loaded = load_sweep(sweep.write()).trials[0]
    assert loaded.notes == ("status: ledger completed, summary.json running", f"{LR}: ledger 0.01, configuration of the run 0.02")
    assert loaded.status == Status.COMPLETED


def test_an_interrupted_run_may_be_ahead_of_the_ledger_but_not_behind(sweep: SweepBuilder) -> None:
    ahead = sweep.trial({LR: 0.01}, status=Status.INTERRUPTED, rows=losses(3.0), step=57)
    behind = sweep.trial({LR: 0.02}, status=Status.INTERRUPTED, rows=losses(3.0), step=20)
    assert notes_of(sweep, ahead) == ()
    assert notes_of(sweep, behind) == ("step: ledger 40, summary.json 20",)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"{torn", "unreadable"),
        (b"[]", "not of format 1"),
        (b'{"format": 99}', "not of format 1"),
        (b"\xff\xfe", "unreadable"),
        (None, "missing"),
    ],
)
def test_a_damaged_summary_is_a_note_and_no_number(sweep: SweepBuilder, content: bytes | None, note: str) -> None:
    trial = sweep.trial({LR: 0.01}, final=3.0)
    path = sweep.run_dir(trial).summary
    path.unlink() if content is None else path.write_bytes(content)
    loaded = load_sweep(sweep.write()).trials[0]
    assert note in loaded.notes[0]
    assert (loaded.status, loaded.summary) == (Status.COMPLETED, None)


def test_what_a_damaged_ledger_still_says_is_read_and_the_damage_named(sweep: SweepBuilder) -> None:
    first, second = sweep.trial({LR: 0.01}, final=3.0), sweep.trial({LR: 0.02}, final=3.0)
    ledger = sweep.write().ledger
    lines = ledger.read_text().splitlines()
    lines[1] = lines[1][:10]
    lines.insert(3, '{"event": "evaluated", "trial": "nobody"}')
    ledger.write_text("\n".join(lines) + '\n{"event": "trial_st')
    loaded = load_sweep(sweep.directory)
    assert sorted([first, second]) == [t.trial for t in loaded.trials]
    assert "line 2, 4" in loaded.notes[0]


def test_a_torn_last_line_of_the_ledger_is_passed_over(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, final=3.0)
    with open(sweep.write().ledger, "a") as file:
        file.write('{"event": "trial_st')
    loaded = load_sweep(sweep.directory)
    assert len(loaded.trials) == 1
    assert loaded.notes == ["the last line of ledger.jsonl is torn and was passed over"]


def test_a_missing_ledger_is_a_sweep_without_trials(sweep: SweepBuilder) -> None:
    sweep.write().ledger.unlink()
    loaded = load_sweep(sweep.directory)
    assert (loaded.trials, loaded.notes) == ([], ["ledger.jsonl is missing: no trial is known"])


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1}', "[1]", '{"format": 1, "claims": 3}'])
def test_a_damaged_statement_is_one_clear_error(sweep: SweepBuilder, content: str) -> None:
    sweep.write().statement.write_text(content)
    with pytest.raises(ValueError, match=r"sweep\.json"):
        load_sweep(sweep.directory)


def test_a_single_run_is_told_by_its_summary(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, seed=7, stage=Stage.CONFIRM, final=3.0)
    path = sweep.run_dir(trial).path
    run = load_run(path, Remembered(path))
    assert (run.trial, run.seed, run.stage, run.status, run.notes) == (trial, 7, Stage.CONFIRM, Status.COMPLETED, ())
    sweep.run_dir(trial).summary.unlink()
    run = load_run(path, Remembered(path))
    assert (run.status, run.notes, run.seed) == ("unknown", ("summary.json missing",), None)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.INTERRUPTED])
def test_a_trial_that_was_cut_off_before_it_wrote_anything_lacks_nothing(sweep: SweepBuilder, status: Status) -> None:
    trial = sweep.trial({LR: 0.01}, status=status, rows={})
    shutil.rmtree(sweep.run_dir(trial).path)
    sweep.run_dir(trial).path.mkdir()
    assert [row["note"] for row in summarize(load_sweep(sweep.write()))] == [None]
    (sweep.run_dir(trial).path / "config.yaml").write_text("{}")
    assert [row["note"] for row in summarize(load_sweep(sweep.directory))] == ["summary.json missing; metrics.csv missing"]


def test_a_trial_that_was_evaluated_has_files_to_lose(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, status=Status.INTERRUPTED, final=3.0)
    shutil.rmtree(sweep.run_dir(trial).path)
    (row,) = summarize(load_sweep(sweep.write()))
    assert "run directory missing" in row["note"]
