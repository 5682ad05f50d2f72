"""A tiny Llama with random weights, saved to disk as the transformers library saves one, and runs that adapt models."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.trainer import Evaluation, Trainer

Train = Callable[..., list[Evaluation]]
MakeConfig = Callable[..., RunConfig]


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hidden 32, 2 layers, 4 heads, 2 key/value heads, 257 tokens, 64 positions, tied embeddings: 26,816 parameters."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("pretrained") / "tiny-llama"
    torch.manual_seed(0)
    LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


@pytest.fixture
def adapted(data_root: Path) -> MakeConfig:
    """The prepared configuration of a run on three-letter words that takes a fraction of a second; overrides follow."""

    def make(*more: str) -> RunConfig:
        base = "model=micro data=capitalization data.word_length=3 data.max_documents=200 adapter=lora adapter.rank=2".split()
        base += "training.max_steps=12 training.batch_size=4 training.eval_interval=4 training.eval_batches=2".split()
        base += "training.test_batches=2 training.log_interval=2 training.num_threads=1 tracking.wandb=off tracking.plots=false".split()
        config = request_run([*base, f"data.root={data_root}", *more])
        prepare(config.data)
        return config

    return make


@pytest.fixture
def train() -> Train:
    """Trains a configuration in a folder, up to a step or to the end."""

    def run(config: RunConfig, folder: Path, until: int | None = None) -> list[Evaluation]:
        trainer = Trainer(config, RunDir(folder), RunIdentity(trial="cell-s1", cell="cell", seed=1))
        found = []
        while not trainer.done and (until is None or trainer.step < until):
            found.append(trainer.advance())
        trainer.close()
        return found

    return run
