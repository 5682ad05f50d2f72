import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainable.model import transformers_library
from trainable.model.exported import save_exported
from trainable.model.registry import build_model
from trainable.model.size import flops_per_token, linear_shapes, parameter_count, parameter_shapes
from trainable.request import request_run
from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest

SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("pretrained") / "tiny-llama"
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SHAPE, tie_word_embeddings=request.param)).save_pretrained(folder)
    return folder


def mistakes_of(*overrides: str) -> list[str]:
    with pytest.raises(WrongRequest) as caught:
        request_run(overrides)
    return caught.value.mistakes


def test_logits_are_those_of_the_library_and_the_generator_is_not_touched(folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    tokens = torch.arange(20).reshape(2, 10)
    before = torch.get_rng_state()
    model = build_model(ModelConfig(pretrained=str(folder)))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in model.modules())
    assert torch.equal(model.eval()(tokens), AutoModelForCausalLM.from_pretrained(folder)(tokens).logits)


def test_shapes_known_without_weights_are_those_of_the_model(folder: Path) -> None:
    config = ModelConfig(pretrained=str(folder))
    model = build_model(config)
    assert list(parameter_shapes(config).items()) == [(name, tuple(p.shape)) for name, p in model.named_parameters()]
    linears = {path: tuple(m.weight.shape) for path, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert linear_shapes(config) == linears


def test_flops_are_those_of_the_same_model_of_ours(folder: Path) -> None:
    """Llama is `transformer_lm` with other names: the same shapes, so the same 6 N + 12 L H Q T."""
    tied = json.loads((folder / "config.json").read_text())["tie_word_embeddings"]
    ours = ModelConfig(vocab_size=300, d_model=32, d_ff=64, num_layers=2, num_heads=4, num_kv_heads=2, tied_embeddings=tied)
    assert parameter_count(ModelConfig(pretrained=str(folder))) == parameter_count(ours)
    assert flops_per_token(ModelConfig(pretrained=str(folder))) == flops_per_token(ours)


@pytest.mark.parametrize("base", [[], ["model=pretrained"]])
def test_a_request_records_the_shape_that_is_trained(folder: Path, base: list[str]) -> None:
    model = request_run([*base, f"model.pretrained={folder}", "model.context_length=48", "data.vocab_size=257"]).model
    assert (model.architecture, model.context_length) == ("pretrained", 48)
    assert (model.d_model, model.num_layers, model.num_heads, model.vocab_size) == (32, 2, 4, 300)


@pytest.mark.parametrize("untied", [[], ["lm_head"]])
def test_linear_layers_of_our_models_are_known_without_torch(untied: list[str]) -> None:
    for architecture in ("transformer_lm", "gpt2"):
        config = ModelConfig(architecture=architecture, vocab_size=99, num_kv_heads=2, tied_embeddings=not untied)
        modules = build_model(config).named_modules()
        assert linear_shapes(config) == {path: tuple(m.weight.shape) for path, m in modules if isinstance(m, torch.nn.Linear)}


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["data.vocab_size=301"], ["data.vocab_size=301", "knows only 300 tokens"]),
        (["model.context_length=65"], ["model.context_length=65", "at most 64"]),
        (["model.dropout=0.1"], ["model.dropout=0.1", "its own"]),
    ],
)
def test_what_the_pretrained_model_does_not_take_is_refused(folder: Path, overrides: list[str], parts: list[str]) -> None:
    (mistake,) = mistakes_of(f"model.pretrained={folder}", "data.vocab_size=257", *overrides)
    assert all(part in mistake for part in parts)


def test_a_preset_without_weights_is_refused() -> None:
    assert mistakes_of("model=pretrained") == [transformers_library.NOT_GIVEN]


def test_a_folder_that_is_not_there_names_the_one_beside_it(folder: Path) -> None:
    (mistake,) = mistakes_of(f"model.pretrained={folder.parent / 'tiny-lama'}")
    assert mistake.endswith(f"no such folder (did you mean '{folder}'?)")


def test_without_a_network_a_name_of_the_hub_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(name: str) -> None:
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr(transformers_library, "_require_on_hub", no_network)
    (mistake,) = mistakes_of("model.pretrained=nobody-of-this-name/has-a-model")
    assert "not to be had from the Hugging Face hub (ConnectionError: Name or service not known)" in mistake
    assert "check the name and the network" in mistake


def test_without_the_package_there_is_one_clear_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainable.model.outline import _outline

    _outline.cache_clear()
    monkeypatch.setattr(transformers_library, "find_spec", lambda name: None)
    (mistake,) = mistakes_of(f"model.pretrained={folder}")
    assert mistake == "model.pretrained needs the package 'transformers' (pip install 'transformer-sweeps[adapters]')"


@pytest.mark.parametrize(
    ("content", "part"),
    [("{", "not a valid JSON"), ("{}", "Unrecognized model"), ('{"model_type": "wav2vec2"}', "not a causal language model")],
)
def test_a_folder_that_holds_no_language_model_is_refused(tmp_path: Path, content: str, part: str) -> None:
    (tmp_path / "config.json").write_text(content)
    (mistake,) = mistakes_of(f"model.pretrained={tmp_path}")
    assert part in mistake


def test_weights_that_are_not_whole_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WrongRequest, match=r"1 weights are missing or of another shape, such as model\.norm\.weight"):
        build_model(ModelConfig(pretrained=str(tmp_path)))


def test_a_tokenizer_of_its_own_has_to_be_used(folder: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    Tokenizer(models.BPE({"<|end_of_text|>": 0, "a": 1}, [])).save(str(tmp_path / "tokenizer.json"))
    (mistake,) = mistakes_of(f"model.pretrained={tmp_path}", "data.vocab_size=257")
    assert mistake.endswith(f"set data.tokenizer={tmp_path} data.vocab_size=2")
    assert request_run([f"model.pretrained={tmp_path}", f"data.tokenizer={tmp_path}", "data.vocab_size=2"]).data.vocab_size == 2


@pytest.mark.parametrize("content", ["{", '{"strange": 1}', "[]"])
def test_an_exported_shape_that_is_not_ours_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    (mistake,) = mistakes_of(f"model.pretrained={tmp_path}")
    assert "model.json is not the shape of a model of ours" in mistake


@pytest.mark.parametrize("damage", ["missing", "torn", "of another model"])
def test_exported_weights_that_do_not_fit_are_refused(tmp_path: Path, damage: str) -> None:
    config = ModelConfig(vocab_size=99, d_model=32, num_layers=1, num_heads=2, d_ff=48)
    save_exported(build_model(config), config, tmp_path)
    weights = tmp_path / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "torn":
        weights.write_bytes(weights.read_bytes()[:1000])
    else:
        save_file({"other": torch.zeros(1)}, weights)
    with pytest.raises(WrongRequest, match=r"model\.safetensors cannot be loaded"):
        build_model(ModelConfig(pretrained=str(tmp_path)))


def test_models_of_ours_need_neither_library(python: str) -> None:
    code = (
        "import sys, trainable.adapters.attach, trainable.model.registry; sys.exit('transformers' in sys.modules or 'peft' in sys.modules)"
    )
    subprocess.run([python, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[3])
