"""``python -m trainable.train`` as its user sees it: its lines, and what an interruption leaves."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.spec.status import Status
from trainable.train import main
from trainable.trainer import Evaluation, Trainer

Overrides = Callable[..., list[str]]


def test_the_lines_of_a_run_show_large_numbers_in_full(
    tmp_path: Path, tiny_overrides: Overrides, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tiny_overrides(results=tmp_path)) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "time/tokens_per_sec" in line]
    assert len(lines) == 3
    for line in lines:
        assert re.search(r"time/tokens_per_sec \d{1,3}(,\d{3})*(\.\d+)?( |$)", line)


def test_an_interrupted_run_says_how_it_goes_on_and_does(
    tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    advance = Trainer.advance

    def interrupted(trainer: Trainer) -> Evaluation:
        if trainer.step:
            raise KeyboardInterrupt
        return advance(trainer)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main(tiny_overrides(results=tmp_path))
    told = re.search(r"to continue: python -m trainable.train (.*)", capsys.readouterr().err)
    assert told is not None
    resume = shlex.split(told[1])
    assert read_summary(RunDir(Path(resume[1]))).status == Status.INTERRUPTED
    assert main(resume) == 0
    assert "step 12/12  completed" in capsys.readouterr().out
    assert read_summary(RunDir(Path(resume[1]))).status == Status.COMPLETED
