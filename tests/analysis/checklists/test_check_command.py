from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import yaml
from sweep_on_disk import LR, SweepBuilder

from analysis.__main__ import main
from analysis.checklists.run_facts import read_run
from analysis.report import conclusion
from trainable.checkpoint import link_checkpoint, save_checkpoint
from trainable.spec.atomic_write import write_json
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import as_markdown, read_summary, write_summary


def furnish(run_dir: RunDir) -> None:
    """What the trainer leaves beside summary.json and metrics.csv."""
    summary = read_summary(run_dir)
    summary.hypothesis, summary.config = "Larger is faster.", {"training": {"seed": summary.seed}, "tracking": {"wandb": "off"}}
    summary.metrics |= {"optimizer/grad_norm": 1.0, "optimizer/update_norm": 1.0}
    write_summary(run_dir, summary)
    run_dir.config.write_text(yaml.safe_dump(summary.config))
    hardware = {"processor": "x", "memory_bytes": 1}
    write_json(run_dir.provenance, {"seed": summary.seed, "git": {"commit": "abc123", "diff": ""}, "hardware": hardware})
    run_dir.train_log.write_text("Starting\n")
    run_dir.plots.mkdir()
    for name in ("loss_curve.png", "memory_profile.png"):
        (run_dir.plots / name).write_bytes(b"png")
    random_states = {"python": [3], "numpy": {}, "torch": torch.zeros(2, dtype=torch.uint8)}
    save_checkpoint(run_dir, summary.step, {"w": torch.zeros(2)}, {"step": summary.step, "rng": random_states})
    for name in ("best", "final"):
        link_checkpoint(run_dir, summary.step, name)
    run_dir.summary_markdown.write_text(as_markdown(summary))


@pytest.fixture
def sound(sweep: SweepBuilder) -> SweepBuilder:
    """A complete sweep without a fault."""
    sweep.statement.created = "2026-03-01T11:00:00+00:00"
    sweep.driver()
    sweep.trial({LR: 0.01}, final=3.0)
    sweep.finalists(sweep.cell({LR: 0.01}))
    sweep.confirm({LR: 0.003}, {1: 4.0, 2: 4.2, 3: 4.1})
    sweep.confirm({LR: 0.01}, {1: 3.6, 2: 3.78, 3: 3.731})
    for path in (sweep.root / "runs").iterdir():
        furnish(RunDir(path))
    return sweep


def conclude(sweep: SweepBuilder) -> Path:
    directory = sweep.write()
    directory.figures.mkdir(exist_ok=True)
    for kind in ("png", "pdf"):
        (directory.figures / f"loss_curves.{kind}").write_bytes(b"figure")
    with patch.object(conclusion, "draw_figures", return_value=[]):
        conclusion.conclude(directory)
    return directory.path


def check(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[int, list[str]]:
    code = main(["check", str(path)])
    return code, capsys.readouterr().out.splitlines()


def test_a_sound_sweep_passes(sound: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, conclude(sound))
    assert [line for line in lines if line.lstrip().startswith("✗")] == []
    assert code == 0
    assert any(line.startswith("  ✓ 9.1-preregistered ") for line in lines)
    assert lines[-1].endswith(" do not apply")


def test_a_flipped_bit_in_one_checkpoint_fails_the_sweep_and_names_it(sound: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    path = conclude(sound)
    run = sound.run_dir(f"{sound.cell({LR: 0.01})}-s2")
    weights = run.checkpoint("final") / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    code, lines = check(capsys, path)
    assert code == 1
    assert [
        line for line in lines if "✗" in line and run.experiment_id in line and "final: model.safetensors is not what was written" in line
    ]


def test_a_sweep_that_was_not_written_down_first_or_not_finished_fails(sound: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    sound.statement.created = "2026-03-02T00:00:00+00:00"
    sound.statement.seeds = [1, 2, 3, 4]
    code, lines = check(capsys, conclude(sound))
    failed = [line.split()[1] for line in lines if line.lstrip().startswith("✗")]
    assert code == 1
    assert {"9.1-preregistered", "9.3-complete", "9.3-decided"} <= set(failed)


@pytest.mark.slow
def test_an_archive_and_what_was_altered_in_it(sound: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    path = conclude(sound)
    main(["archive", str(path), "--paper", "paper1", "--no-checkpoints"])
    capsys.readouterr()
    archive = sound.root / "archive" / "paper1"
    lines = check(capsys, archive)[1]
    marks = {line.split()[1]: line.split()[0] for line in lines if line[:3] in ("  ✓", "  ✗", "  –", "  ?")}
    assert [marks[id_] for id_ in ("9.4-archived", "9.4-manifest", "9.4-intact", "9.2-log", "12.3-tables")] == ["✓"] * 5
    assert [marks[id_] for id_ in ("9.2-checkpoints", "9.2-whole", "12.3-clean")] == ["–", "–", "?"]
    (archive / "final_results.csv").write_text("0")
    code, lines = check(capsys, archive)
    assert (code, len([line for line in lines if "✗ 9.4-intact" in line and "altered: final_results.csv" in line])) == (1, 1)


def test_a_run_by_itself(sound: SweepBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    run = sound.run_dir(f"{sound.cell({LR: 0.01})}-s2")
    code, lines = check(capsys, run.path)
    assert (code, [line for line in lines if "12.2-baseline" in line]) == (0, [])
    run.train_log.write_text("")
    code, lines = check(capsys, run.path)
    assert code == 1
    assert "  ✗ 9.2-log " in "\n".join(lines)


def test_whatever_lies_in_a_run_it_is_read(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    for name, text in (("summary.json", "[1]"), ("config.yaml", "a: ["), ("provenance.json", "\udcff"), ("summary.md", "")):
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    (run_dir.checkpoint("final")).mkdir(parents=True)
    facts = read_run(tmp_path)
    assert (facts.told, facts.config, facts.provenance, facts.rows) == ({}, {}, {}, 0)
    assert facts.checkpoints.faults == ["final: manifest.json cannot be read (FileNotFoundError)"]


def test_wrong_paths_are_one_sentence_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path), str(tmp_path / "gone")]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"error: '{tmp_path}' is no run, no sweep and no archive"
    assert second.startswith(f"error: '{tmp_path / 'gone'}' does not exist")
