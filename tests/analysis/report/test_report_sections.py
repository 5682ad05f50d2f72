"""The sections of RESULTS.md against sweeps whose answers are known."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from sweep_on_disk import LR, SweepBuilder, lived_sweep, losses, write_metrics_csv

from analysis.__main__ import parse
from analysis.checklists.checklists import results_of
from analysis.report import conclusion
from analysis.report.issues import warnings_in
from analysis.report.next_steps import with_override
from analysis.report.storage import kind_of, run_sizes
from trainable.spec.status import Stage, Status


def sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def page_of(sweep: SweepBuilder) -> dict[str, str]:
    """The page's sections; the figures, which take most of the time, have tests of their own."""
    with patch.object(conclusion, "draw_figures", return_value=[]):
        return sections(conclusion.conclude(sweep.write()).files[-1].read_text())


@pytest.fixture(scope="module")
def lived_page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return page_of(lived_sweep(tmp_path_factory.mktemp("lived")))


def test_findings_say_how_far_and_how_soon(lived_page: dict[str, str]) -> None:
    found = lived_page["Key findings"]
    assert "**lr = 0.01 (winner)** is 9.67% better than the baseline in eval/loss ([-11.10%, -8.23%] at 95%, 3 pairs of seeds)" in found
    # Straight lines from 7 to the final loss, evaluated at 20 and 40 of 40 steps: the baseline's mean of 4.1 is reached at the end.
    assert "| lr = 0.01 (winner) | 40 of 40 (100%) |" in found
    assert "On fresh seeds the winner's eval/loss is 3.7037, in the exploration it was 3.0000 (+23.46%): the winner's curse." in found


@pytest.mark.parametrize(("higher_is_better", "kept"), [(False, "the winner's curse"), (True, "better than promised")])
def test_which_way_is_better_decides_what_became_of_a_promise(sweep: SweepBuilder, higher_is_better: bool, kept: str) -> None:
    sweep.statement.higher_is_better = higher_is_better
    sweep.trial({LR: 0.01}, final=3.0)
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 4.5, 3: 3.8})
    found = page_of(sweep)["Key findings"]
    assert f"in the exploration it was 3.0000 (+32.22%): {kept}." in found
    assert "; the interval contains 0: it may be no difference)" in found


def test_a_trial_that_was_stopped_early_promised_nothing(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, rows=losses(6.0, steps=20), status=Status.STOPPED_EARLY)
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.7, 3: 3.8})
    assert "in the exploration it was" not in page_of(sweep)["Key findings"]


def test_seeds_that_changed_nothing_are_told_with_the_verdict_and_as_an_anomaly(sweep: SweepBuilder) -> None:
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.0, 3: 4.0})
    sweep.confirm({LR: 0.01}, {1: 3.0, 2: 3.0, 3: 3.0})
    page = page_of(sweep)
    assert "-25.00% against the baseline over 3 pairs of seeds, the same for every seed, 95% interval" in page["Verdict"]
    told = "Every seed of lr = 3e-3 (baseline); lr = 0.01 (winner) ended with the very same eval/loss"
    assert told in page["Key findings"]


def test_anomalies_name_their_trials(sweep: SweepBuilder) -> None:
    spiky = {**losses(4.0), 30: {"train/loss": 9.9, "optimizer/grad_norm": 1.0}}
    sweep.trial({LR: 0.01}, rows=spiky)
    sweep.trial({LR: 0.02}, rows={10: {"train/loss": 5.0}, 20: {"eval/loss": 4.0}, 40: {"eval/loss": 4.5, "train/loss": 4.0}})
    gradients = {step: {"train/loss": 4.0, "optimizer/grad_norm": 50.0 if step == 30 else 1.0} for step in range(10, 80, 10)}
    sweep.trial({LR: 0.03}, rows=gradients, max_steps=70)
    for number, speed in enumerate((1000.0, 990.0, 100.0)):
        sweep.trial({LR: 0.1 * (number + 1)}, metrics={"time/tokens_per_sec": speed, "eval/loss": 5.0})
    found = page_of(sweep)["Key findings"].split("### Anomalies")[1]
    assert "The training loss once rose more than 30% above its lowest in 1 trial (lr = 0.01, seed 0)." in found
    assert "The gradient norm once was over 10 times its median in 1 trial (lr = 0.03, seed 0)." in found
    assert "The validation loss ends more than 2% above its lowest in 1 trial (lr = 0.02, seed 0): `best` is not `final`." in found
    assert "1 trial (lr = 0.3, seed 0) ended at less than 60% of the throughput usual" in found


def test_memory_is_predicted_against_measured(sweep: SweepBuilder) -> None:
    sweep.trial({LR: 0.01}, predicted_peak_memory_gb=0.4)
    sweep.trial({LR: 0.01}, seed=5, predicted_peak_memory_gb=0.5)
    sweep.trial({LR: 0.02}, predicted_peak_memory_gb=None)
    text = page_of(sweep)["Memory"]
    assert "+0.0% to +25.0% over 2 runs" in text
    assert "| lr = 0.01 | 2 | 0.4000 | 0.5000 | +25.00% |" in text
    assert "lr = 0.02" not in text


def test_missing_checkpoints_are_listed_and_the_next_step_is_to_restore_them(lived_page: dict[str, str]) -> None:
    text = lived_page["Checkpoint verification"]
    assert "| lr = 3e-3 (baseline) | 0 | final is missing |" in text
    assert "Restore the checkpoints of" in lived_page["Next steps"]


def test_issues_show_the_end_of_the_log_retries_and_warnings(sweep: SweepBuilder) -> None:
    error = "RuntimeError: disk full\n--- the end of train.log ---\n[INFO] Step 10\n``` rm -rf"
    failed = sweep.trial({LR: 0.01}, status=Status.FAILED, error=error, rows=losses(6.0, steps=10))
    log = sweep.run_dir(failed).train_log
    log.write_text("2026-03-01 12:00:00,001 [INFO] fine\n2026-03-01 12:00:00,002 [WARNING] checkpoint passed over\n" * 2)
    text = page_of(sweep)["Issues and notes"]
    assert "| lr = 0.01 | 0 | explore | failed | 1 | RuntimeError: disk full |" in text
    assert "[INFO] Step 10\n''' rm -rf\n```" in text
    assert "| 1 | [WARNING] checkpoint passed over |" in text
    assert list(warnings_in(log)) == ["[WARNING] checkpoint passed over"] * 2


def test_a_sweep_without_trouble_says_so(sweep: SweepBuilder) -> None:
    sweep.driver()
    sweep.event("driver_ended", status="finished", message=None)
    trial = sweep.trial({LR: 0.003}, checkpoint_bytes=None)
    assert sweep.run_dir(trial).path.is_dir()
    assert "Nothing failed, diverged or was retried; no file is missing or damaged." in page_of(sweep)["Issues and notes"]


def test_a_metrics_csv_that_contradicts_the_ledger_is_told(sweep: SweepBuilder) -> None:
    trial = sweep.trial({LR: 0.01}, final=3.0)
    sweep.trial({LR: 0.02}, final=2.0)
    csv = sweep.run_dir(trial).metrics_csv
    rows = csv.read_text().splitlines(keepends=True)
    csv.write_text("".join([*rows[:-1], rows[-1].replace("3.0,", "2.5,", 1)]))
    directory = sweep.write()
    told = f"`{trial}`: eval/loss at step 40: ledger 3.0, metrics.csv 2.5"
    assert "metrics.csv of 1 trials tells eval/loss otherwise than the ledger (RESULTS.md)" in conclusion.conclude(directory).notes
    assert f"- {told}\n" in sections(directory.results.read_text())["Issues and notes"]
    witnesses = next(result for result in results_of(directory.path) if result.id == "9.2-witnesses")
    assert told.replace("`", "") in witnesses.finding.reason


def test_several_drivers_and_amendments_are_told(sweep: SweepBuilder) -> None:
    sweep.driver()
    sweep.driver()
    sweep.event("driver_ended", status="out_of_budget", message="ten minutes are over")
    sweep.statement.amendments = [{"time": "2026-03-02", "before": {"hypothesis": "Smaller is better."}}]
    text = page_of(sweep)["Issues and notes"]
    assert "carried out by 2 drivers, one after the other: 1 out_of_budget, 1 without a word." in text
    assert "ten minutes are over" in text
    assert "- changed 2026-03-02, after the start: hypothesis had been “Smaller is better.”" in text


def test_next_steps_are_computed(sweep: SweepBuilder) -> None:
    sweep.driver("python -m sweeps.lr_ablation --fresh training.max_steps=40 sweep.seeds=[1,2,3]")
    sweep.trial({LR: 0.01}, final=3.0)
    sweep.trial({LR: 1.0}, status=Status.DIVERGED)
    sweep.trial({LR: 0.1}, status=Status.FAILED)
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.0, 2: 4.6, 3: 4.3})
    text = page_of(sweep)["Next steps"]
    assert "Run 1 failed or interrupted trial: `python -m sweeps.lr_ablation training.max_steps=40" in text
    assert "Decide “the winner beats the baseline”, which is UNDECIDED" in text
    assert "`python -m sweeps.lr_ablation training.max_steps=40 'sweep.seeds=[1,2,3,4,5]'`" in text
    assert "what diverged or ran out of memory: lr = 1." in text
    assert "Train longer: the last tenth of the steps still lowered eval/loss" in text
    assert "`python -m sweeps.lr_ablation 'sweep.seeds=[1,2,3]' training.max_steps=80`" in text
    assert "Evaluate on the test set: `python -m trainable.evaluate " in text


def test_an_override_takes_the_place_of_one_of_its_key() -> None:
    assert with_override("python -m x 'a.b=[1, 2]' c=3", "a.b=4") == "python -m x c=3 a.b=4"


def test_files_with_several_names_count_once(sweep: SweepBuilder) -> None:
    run = sweep.run_dir(sweep.trial({LR: 0.01})).path
    (run / "checkpoints" / "best").mkdir(parents=True)
    (run / "checkpoints" / "best" / "model.safetensors").write_bytes(b"x" * 1000)
    before = run_sizes(run)
    (run / "checkpoints" / "final").mkdir()
    (run / "checkpoints" / "final" / "model.safetensors").hardlink_to(run / "checkpoints" / "best" / "model.safetensors")
    assert (before["model weights"], run_sizes(run)) == (1000, before)
    assert kind_of(Path("checkpoints/best/training.json")) == "training state"
    assert kind_of(Path("adapters/final/adapter_model.safetensors")) == "adapters"
    assert "1.00 kB" in page_of(sweep)["Storage"]


def commands(page: dict[str, str]) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", page["Appendix: useful commands"], flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_appendix_work(lived: SweepBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the folder of the results: the analysis' own are parsed, those on files are run."""
    monkeypatch.chdir(lived.root)
    winner = lived.cell({LR: 0.01})
    run = lived.run_dir(f"{winner}-s1")
    (run.checkpoints / "final").mkdir(parents=True)
    run.train_log.write_text("Starting\n")
    offline = run.path / "wandb" / "offline-run-1"
    offline.mkdir(parents=True)
    found = commands(page_of(lived))
    assert [shlex.split(line, comments=True)[:3] for line in found[:2]] == [
        ["git", "checkout", "abc123"],
        ["python", "-m", "sweeps.lr_ablation"],
    ]
    kinds = {line.split()[0] for line in found}
    assert kinds == {"git", "python", "tail", "column", "du", "find", "wandb"}
    for line in found:
        words = shlex.split(line, comments=True)
        if words[:3] == ["python", "-m", "analysis"]:
            parse(words[3:])
        elif words[:2] == ["python", "-c"]:
            subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True)
        elif words[:3] == ["python", "-m", "trainable.evaluate"]:
            assert Path(words[3]).is_dir()
        elif words[0] in ("tail", "du", "find"):
            subprocess.run(["bash", "-c", line], check=True, capture_output=True)
        elif words[0] == "wandb":
            assert list(Path.cwd().glob(words[2])) == [offline]


def test_long_tables_are_folded_and_cut(sweep: SweepBuilder) -> None:
    for number in range(14):
        sweep.trial({LR: 0.01 * (number + 1)}, stage=Stage.EXPLORE)
    page = page_of(sweep)
    assert page["Training duration"].count("| explore |") == 14
    assert "<summary>Every run: 14 rows</summary>" in page["Training duration"]
    shown, folded = page["Exploration"].split("<details>")
    assert (shown.count("| lr = "), folded.count("| lr = ")) == (10, 4)


def test_a_run_that_is_gone_or_foreign_costs_only_itself(sweep: SweepBuilder) -> None:
    odd = sweep.run_dir(sweep.trial({LR: 0.01}))
    odd.summary.write_text('{"format": 1, "metrics": 3, "best_metrics": [], "config": null, "status": "completed"}')
    write_metrics_csv(odd, {10: {"train/loss": float("nan")}})
    page = page_of(sweep)
    assert "status" in page["Overview"].lower()
    assert "# Experiment" in odd.summary_markdown.read_text()


def test_a_seed_that_was_taken_back_counts_and_is_named(sweep: SweepBuilder) -> None:
    """`sweep` plans the seeds 1, 2 and 3; 4 was run when more were planned."""
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.1, 3: 4.0, 4: 4.2})
    sweep.confirm({LR: 0.01}, {1: 4.1, 2: 4.0, 3: 4.0, 4: 4.1})
    sweep.finalists(sweep.cell({LR: 0.01}))
    page = page_of(sweep)
    assert "4 pairs of seeds" in page["Verdict"]
    assert "on the seeds 1, 2, 3, 4" in page["Results"]
    assert "confirmed on the seeds 1, 2, 3, 4" in page["Overview"]
    assert "'sweep.seeds=[1,2,3,4,5,6]'" in page["Next steps"]
