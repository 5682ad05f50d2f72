import csv
import shutil
from pathlib import Path

import pytest
from torchtune_set import epoch, experiment_set

from analysis.__main__ import main
from analysis.torchtune import exit_states as module
from analysis.torchtune.exit_states import ExitState, exit_states, parse_sacct


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    return experiment_set(tmp_path)


def report(path: Path) -> tuple[str, list[dict[str, str]]]:
    assert main(["report", str(path), "--from", "torchtune"]) == 0
    return (path / "RESULTS.md").read_text(), list(csv.DictReader((path / "results.csv").read_text().splitlines()))


def test_the_report_of_a_whole_set(path: Path) -> None:
    text, rows = report(path)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
        "Overview",
        "Checkpoint verification",
        "Training results",
        "Key findings",
        "Storage",
        "Issues and notes",
        "Next steps",
        "Appendix: useful commands",
    ]
    assert "**Status:** ✓ 2 of 2 experiments complete" in text
    assert "| 1B_rank4 | ✓ | ✓ | ✓ | Complete |" in text
    assert "| 1B_rank64 | llama3_2_1b | 64 | 3 | 1,500 | 0.00036 | 0.02336 | 1224 | 3.41 | 4 min 42 s |" in text
    assert "- final training loss, llama3_2_1b: rank 64 has 0.00036, 4.3 times lower than rank 4 (0.00154)" in text
    assert "- evaluate `1B_rank4/epoch_2` with `1B_rank4/eval.py`" in text
    assert "- the ranks between: 8, 16, 32" in text
    assert "`notes` holds no log and no epoch" in text
    assert "`sacct` could not be asked here" in text
    assert "offline-run-20251018_120000-abcd1234" in text
    assert [(row["experiment"], row["final_loss"], row["adapter_parameters"], row["complete"], row["slurm_state"]) for row in rows] == [
        ("1B_rank4", "0.00154", "128", "True", ""),
        ("1B_rank64", "0.00036", "2048", "True", ""),
    ]


def test_what_is_missing_or_damaged_is_listed_and_never_a_number(path: Path) -> None:
    one, other = path / "1B_rank4", path / "1B_rank64"
    for file in (*one.glob("slurm-*.out"), one / "finetune.yaml"):
        file.unlink()
    next(other.rglob("run-*.wandb")).write_bytes(b"")
    shutil.rmtree(one / "epoch_1")
    epoch(one / "epoch_1", 4, damage="cut")
    shutil.rmtree(other / "epoch_1")
    shutil.rmtree(other / "epoch_2")
    epoch(other / "epoch_1", 64, damage="empty")
    text, (first, second) = report(path)
    assert (
        "| 1B_rank4 | ✓ | ⚠️ | ✓ | epoch 1: adapter_model.safetensors is damaged: 504 bytes of tensors where the header names 512 |" in text
    )
    assert "| 1B_rank64 | ✓ | ⚠️ | ✗ | epoch 1: adapter_model.pt is empty |" in text
    assert "**1B_rank4**: no slurm-*.out" in text
    assert "**1B_rank64**: epochs missing: 2" in text
    assert "run-abcd1234.wandb is empty or damaged and cannot be synced" in text
    assert "⚠️ 0 of 2 experiments complete" in text
    assert {first[name] for name in ("final_loss", "val_loss", "steps", "training_seconds", "peak_memory_active_gib")} == {""}
    assert (first["model"], first["lora_rank"], second["complete"]) == ("meta-llama/Llama-3.2-1B-Instruct", "4", "False")


def test_the_newest_log_counts_and_a_failed_job_whose_training_came_to_its_end_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = path / "1B_rank4" / "slurm-99.out"
    newest.write_text((path / "1B_rank4" / "slurm-100.out").read_text() + "mv: 'slurm-99.out' and '/x/slurm-99.out' are the same file\n")
    monkeypatch.setattr(
        "analysis.torchtune.report.exit_states", lambda jobs: {job: ExitState("FAILED", "1:0") for job in jobs if job == "99"}
    )
    text, rows = report(path)
    assert "SLURM job 99: FAILED (exit code 1:0) although the training came to its end" in text
    assert "printed `mv: 'slurm-99.out' and '/x/slurm-99.out' are the same file`" in text
    assert "could not be asked" not in text
    assert (rows[0]["slurm_job"], rows[0]["slurm_state"]) == ("99", "FAILED")


def test_the_same_files_give_the_same_page_and_a_page_of_somebody_else_stays(path: Path) -> None:
    first, _ = report(path)
    assert report(path)[0] == first
    (path / "RESULTS.md").write_text("by hand\n")
    assert main(["report", str(path), "--from", "torchtune"]) == 0
    assert (path / "RESULTS.md").read_text() == "by hand\n"
    assert (path / "EXPERIMENT_SUMMARY.md").read_text() == first


def test_wrong_requests(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "no"), "--from", "torchtone"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: unknown program 'torchtone' (did you mean 'torchtune'?)",
        f"error: '{tmp_path / 'no'}' is no directory",
    ]
    assert main(["report", str(path / "notes"), "--from", "torchtune"]) == 1
    assert "no torchtune experiment is in it" in capsys.readouterr().err


def test_sacct_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "12|COMPLETED|0:0\n12.batch|COMPLETED|0:0\n13|CANCELLED by 1000|0:15\n14|FAILED|1:0\n\n|x|\n"
    states = {"12": ExitState("COMPLETED", "0:0"), "13": ExitState("CANCELLED", "0:15"), "14": ExitState("FAILED", "1:0")}
    assert parse_sacct(text) == states
    command = tmp_path / "sacct"
    command.write_text("#!/bin/sh\ncat " + str(tmp_path / "answer") + "\n")
    (tmp_path / "answer").write_text(text)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert exit_states(["12", "13", "14"]) == states
