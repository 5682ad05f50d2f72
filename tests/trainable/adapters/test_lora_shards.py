"""A LoRA whose base lies in shards on two processes, against the same run of one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.trainable.ranks import Ranks
from tests.trainable.test_several_ranks import measured
from tests.trainable.test_several_ranks import train as train_ranks
from trainable.checkpoint import load_checkpoint
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.spec.run_summary import read_summary
from trainable.trainer import Evaluation

MakeConfig = Callable[..., RunConfig]
Train = Callable[..., list[Evaluation]]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def test_an_adapter_on_a_base_in_shards_is_written_whole(
    tmp_path: Path, adapted: MakeConfig, tiny_llama: Path, train: Train, ranks: Ranks
) -> None:
    base = [f"model.pretrained={tiny_llama}", "model=pretrained", "model.context_length=32"]
    alone, together = tmp_path / "alone", tmp_path / "together"
    train(adapted(*base), alone)
    train_ranks(ranks, adapted(*base, "resources.parallel=fsdp"), together)
    assert measured(together) == pytest.approx(measured(alone), rel=2e-4)
    (model, training), (other, other_training) = (load_checkpoint(RunDir(path).checkpoint("final")) for path in (alone, together))
    assert {name: tensor.shape for name, tensor in model.items()} == {name: tensor.shape for name, tensor in other.items()}
    assert training["base"] == other_training["base"]
    written = load_file(together / "adapters" / "final" / "adapter_model.safetensors")
    assert {name: tensor.tolist() for name, tensor in written.items()} == {
        name.removeprefix("transformers_model.").replace(".default.", "."): tensor.tolist() for name, tensor in other.items()
    }
    assert "downstream/exact_match" in read_summary(RunDir(together)).metrics
