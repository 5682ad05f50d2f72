from pathlib import Path

import pytest
from sweep_on_disk import LR, SweepBuilder

from analysis.__main__ import main
from analysis.commands.registry import COMMANDS


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_report_prints_the_verdict_and_where_the_page_is(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = lived.write()
    code, out, err = run(capsys, "report", directory.path)
    assert (code, err) == (0, "")
    assert "CONFIRMED: the winner beats the baseline" in out
    assert out.splitlines()[-1] == str(directory.results)
    assert directory.results.is_file()


def test_summarize_takes_sweeps_and_runs(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = lived.write()
    run_dir = next(path for path in (lived.root / "runs").iterdir())
    code, out, _ = run(capsys, "summarize", directory.path, run_dir)
    assert code == 0
    assert "13 trials: 10 completed" in out
    assert "run directory missing" in out
    assert (directory.trials.is_file(), (run_dir / "trials.parquet").is_file(), directory.results.exists()) == (True, True, False)


def test_compare_writes_nothing(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = lived.write()
    before = sorted(directory.path.iterdir())
    code, out, _ = run(capsys, "compare", directory.path, "--metric", "train/loss")
    assert code == 0
    assert "lr = 0.01 (winner)" in out
    assert sorted(directory.path.iterdir()) == before


def test_figures_draws_only_what_was_asked_for(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = lived.write()
    code, out, _ = run(capsys, "figures", directory.path, "--only", "loss_curves")
    assert code == 0
    assert [Path(line).name for line in out.splitlines()] == ["loss_curves.png", "loss_curves.pdf"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sumarize", "x"], "unknown command 'sumarize' (did you mean 'summarize'?)"),
        (["report"], "the following arguments are required: PATH"),
        ([], "the following arguments are required: {" + ",".join(COMMANDS) + "}"),
        (["report", "--fast", "."], "unrecognized arguments: --fast"),
        (["report", "no/such"], "'no/such' does not exist"),
    ],
)
def test_a_wrong_request_is_one_clear_message(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith(f"error: {message}")


def test_all_mistakes_of_a_request_at_once(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    directory = lived.write()
    sweeps = directory.path.parent
    run_dir = next(path for path in (lived.root / "runs").iterdir())
    code, _, err = run(capsys, "compare", sweeps / "lr_ablation-0badcaf", sweeps, run_dir, "--metric", "eval/los")
    assert code == 2
    first, second, third, fourth = err.splitlines()
    assert "does not exist (did you mean 'lr_ablation-0badcafe'?)" in first
    assert "is no sweep directory (sweep.json is missing); sweeps in it: lr_ablation-0badcafe" in second
    assert "is a single run; compare needs a sweep directory" in third
    assert "unknown metric 'eval/los' (did you mean 'eval/loss'?)" in fourth
    assert not directory.trials.exists()


def test_an_unknown_figure(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "figures", lived.write().path, "--only", "loss_curve")
    assert (code, "did you mean 'loss_curves'" in err) == (2, True)


def test_a_damaged_statement_is_a_failure_and_the_next_path_is_still_done(lived: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    good = lived.write().path
    bad = good.with_name("bad-0badcafe")
    bad.mkdir()
    (bad / "sweep.json").write_text("{")
    code, out, err = run(capsys, "summarize", bad, good)
    assert code == 1
    assert "cannot be read as a sweep statement" in err
    assert "Traceback" not in err
    assert "13 trials" in out


@pytest.mark.parametrize("verb", ["summarize", "compare", "figures", "report"])
def test_every_verb_survives_a_sweep_without_trials(sweep: SweepBuilder, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert run(capsys, verb, sweep.write().path)[0] == 0


def test_a_sweep_of_one_running_trial(sweep: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    sweep.trial({LR: 0.01}, status="running")
    assert "UNDECIDED" in run(capsys, "report", sweep.write().path)[1]
