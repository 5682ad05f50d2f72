import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainable.base_config import base_config, based
from trainable.base_training import prepare_base
from trainable.data.prepare import prepare
from trainable.learner import Learner
from trainable.request import request_run
from trainable.spec.config import RunConfig
from trainable.spec.identity import cell_of
from trainable.spec.mistakes import WrongRequest


@pytest.fixture
def config(tiny_overrides: Callable[..., list[str]], corpus_file: Path, tmp_path: Path) -> RunConfig:
    """A LoRA run on a base that is trained for some steps first, both on the corpus of the tests."""
    same = [f"data.path={corpus_file}", "data=text", "data.vocab_size=300", "training.eval_interval=4", "optimizer.lr=0.01"]
    quoted = ",".join(f'"{text}"' for text in [*same, "training.max_steps=8", "training.eval_batches=1"])
    overrides = [*tiny_overrides(), f"model.pretraining=[{quoted}]", "data.vocab_size=300", "adapter=lora", f"data.root={tmp_path}"]
    return request_run(overrides)


def silent(_: str) -> None:
    pass


def test_the_base_has_the_shape_of_the_model_and_is_trained_as_it_says(config: RunConfig) -> None:
    base = base_config(config)
    assert (base.model.d_model, base.model.num_layers) == (config.model.d_model, config.model.num_layers)
    assert (base.training.max_steps, base.adapter.name, base.model.pretraining, base.data.root) == (8, "none", None, config.data.root)


def test_runs_of_every_seed_start_from_the_same_trained_weights(config: RunConfig) -> None:
    prepare(config.data, report=silent)
    prepare_base(config, silent)
    first, second = (Learner(replace(config, training=replace(config.training, seed=seed))) for seed in (1, 2))
    fresh = Learner(replace(config, model=replace(config.model, pretraining=None)))
    frozen = [{name: p for name, p in learner.model.named_parameters() if not p.requires_grad} for learner in (first, second, fresh)]
    assert frozen[0]
    assert all(torch.equal(frozen[0][name], frozen[1][name]) for name in frozen[0])
    assert not all(torch.equal(frozen[0][name], frozen[2][name]) for name in frozen[0])
    losses = [learner.score(learner.data.val, 1).loss for learner in (first, second, fresh)]
    assert losses[0] == losses[1]
    assert losses[0] < losses[2]


def test_a_base_is_trained_once(config: RunConfig, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    prepare_base(config, told.append)
    trained = len(told)
    prepare_base(config, told.append)
    assert (trained > 1, len(told)) == (True, trained)
    assert Path(based(config).pretrained or "").is_dir()


def test_a_rank_trains_a_base_by_itself_while_the_others_wait(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    prepare_base(config, silent)
    assert Path(based(config).pretrained or "").is_dir()
    assert os.environ["WORLD_SIZE"] == "2"


def test_a_base_that_was_interrupted_is_continued(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainable.trainer import Trainer

    prepare_base(config, silent)
    whole = Path(based(config).pretrained or "")
    expected = (whole / "model.safetensors").read_bytes()
    other = replace(config, data=replace(config.data, root=f"{config.data.root}-again"))
    advance, calls = Trainer.advance, list[int]()

    def advance_once(trainer: Trainer) -> object:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return advance(trainer)

    monkeypatch.setattr(Trainer, "advance", advance_once)
    with pytest.raises(KeyboardInterrupt):
        prepare_base(other, silent)
    monkeypatch.setattr(Trainer, "advance", advance)
    prepare_base(other, silent)
    assert (Path(based(other).pretrained or "") / "model.safetensors").read_bytes() == expected


def test_another_pretraining_is_another_cell_and_none_changes_no_name(config: RunConfig) -> None:
    longer = replace(config, model=replace(config.model, pretraining=[*(config.model.pretraining or []), "training.max_steps=12"]))
    assert cell_of(longer) != cell_of(config)
    assert based(longer).pretrained != based(config).pretrained


@pytest.mark.parametrize(
    ("pretraining", "message"),
    [
        ('["optimizer=adamm"]', "model.pretraining: unknown choice 'adamm' for optimizer (did you mean 'adam'"),
        ('["training.max_steps=0"]', "model.pretraining: training.max_steps=0 must be above 0"),
        ('["data.vocab_size=300"]', "model.pretraining: model.vocab_size=257 must be at least data.vocab_size=300"),
    ],
)
def test_mistakes_of_the_base_are_told_before_anything_starts(pretraining: str, message: str) -> None:
    with pytest.raises(WrongRequest) as caught:
        request_run(["model=micro", "data=capitalization", f"model.pretraining={pretraining}"])
    assert message in "\n".join(caught.value.mistakes)


def test_one_base_is_enough(tmp_path: Path) -> None:
    with pytest.raises(WrongRequest, match="leave one of them out"):
        request_run(["model.pretraining=[]", f"model.pretrained={tmp_path}"])
