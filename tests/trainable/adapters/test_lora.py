import json
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from trainable.adapters.attach import attach_adapter
from trainable.adapters.registry import ADAPTERS
from trainable.model.registry import build_model
from trainable.model.size import linear_shapes, parameter_count
from trainable.spec.compose import compose_run
from trainable.spec.config import AdapterConfig, ModelConfig
from trainable.spec.mistakes import WrongRequest
from trainable.trained_shapes import trained_shapes
from trainable.trained_state import trained_state

LORA = ADAPTERS["lora"]
SMALL = {"vocab_size": 257, "d_model": 32, "num_layers": 2, "num_heads": 2, "d_ff": 48}
# peft asks transformers by a name that transformers will take away; both are pinned.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def lora(*names: str, **changes: Any) -> AdapterConfig:
    values = {"rank": 4, "alpha_factor": 2.0, "dropout": 0.0, "target_modules": list(names or ("q_proj", "v_proj"))}
    return AdapterConfig("lora", **{**values, **changes})


def count(config: AdapterConfig, model: ModelConfig) -> int:
    return sum(map(prod, LORA.trainable(config, {}, linear_shapes(model)).values()))


def trained_at_random(model: nn.Module) -> nn.Module:
    """As after training: B is no longer 0."""
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


@pytest.fixture(params=["transformer_lm", "gpt2", "pretrained"])
def small(request: pytest.FixtureRequest, tiny_llama: Path) -> ModelConfig:
    given = str(tiny_llama) if request.param == "pretrained" else None
    return ModelConfig(architecture=request.param, pretrained=given, **SMALL)


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(0, 257, (2, 16), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("rank", "expected"), [(4, 2_654_208), (64, 42_467_328)])
def test_adapter_sizes_of_llama_1b(rank: int, expected: int) -> None:
    """r (inputs + outputs) on q, v, o, w1, w2, w3 of 16 layers; from the shapes, and counted on the meta device."""
    names = "[q_proj,v_proj,output_proj,w1,w2,w3]"
    config = compose_run(["model=llama-1b", "adapter=lora", f"adapter.rank={rank}", f"adapter.target_modules={names}"])
    assert sum(map(prod, trained_shapes(config).values())) == expected
    with torch.device("meta"):
        model = attach_adapter(build_model(config.model), config.adapter)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == expected


@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "rank", "expected"),
    [(2048, 16, 32, 4, 2_654_208), (3072, 28, 24, 4, 5_619_712), (3072, 28, 24, 64, 89_915_392)],
)
def test_adapter_sizes_of_llama_from_its_own_configuration(
    tmp_path: Path, hidden: int, layers: int, heads: int, rank: int, expected: int
) -> None:
    """The shapes of Llama-3.2-1B and -3B, under the names of the transformers library, from ``config.json`` alone."""
    from transformers import LlamaConfig

    shape = LlamaConfig(
        vocab_size=128256,
        hidden_size=hidden,
        intermediate_size=8192,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=8,
        head_dim=hidden // heads,
        max_position_embeddings=131072,
        tie_word_embeddings=True,
    )
    shape.save_pretrained(tmp_path)
    model = ModelConfig(pretrained=str(tmp_path))
    assert count(lora("q_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", rank=rank), model) == expected
    if layers == 16:
        assert parameter_count(model) == 1_235_814_400


def test_logits_are_those_of_the_updated_weights(small: ModelConfig, tokens: torch.Tensor) -> None:
    """W + (alpha / r) B A put into the plain model's weights by hand; float32 sums in another order, logits of order 1."""
    torch.manual_seed(1)
    adapted = trained_at_random(attach_adapter(build_model(small), lora()))
    torch.manual_seed(1)
    plain = build_model(small).eval()
    tensors = {name.replace("base_model.model.", ""): tensor for name, tensor in adapted.state_dict().items()}
    for path in [path for path, module in plain.named_modules() if path.endswith(("q_proj", "v_proj"))]:
        a, b = (tensors[f"{path}.lora_{side}.default.weight"] for side in "AB")
        plain.get_submodule(path).weight.data += 2.0 * b @ a
    torch.testing.assert_close(adapted(tokens), plain(tokens), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "scale"),
    [({"rank": 4}, 2.0), ({"rank": 16}, 2.0), ({"rank": 4, "alpha": 32.0}, 8.0), ({"rank": 16, "alpha": 32.0}, 2.0)],
)
def test_alpha_is_tied_to_the_rank_or_fixed(changes: dict[str, Any], scale: float) -> None:
    """Tied, the update's scale alpha / r is the factor at every rank; fixed, it falls with the rank."""
    model = attach_adapter(build_model(ModelConfig(**SMALL)), lora(**changes))
    assert model.get_submodule("base_model.model.layers.0.attn.q_proj").scaling == {"default": scale}


def test_dropout_is_on_in_training_only(tokens: torch.Tensor) -> None:
    model = trained_at_random(attach_adapter(build_model(ModelConfig(**SMALL)), lora(dropout=0.5)))
    assert torch.equal(model(tokens), model(tokens))
    model.train()
    assert not torch.equal(model(tokens), model(tokens))


def test_peft_loads_a_saved_adapter_onto_the_base_with_the_same_logits(small: ModelConfig, tokens: torch.Tensor, tmp_path: Path) -> None:
    import peft

    torch.manual_seed(1)
    adapted = trained_at_random(attach_adapter(build_model(small), lora()))
    LORA.save(adapted, trained_state(adapted), tmp_path)  # type: ignore[misc]
    assert {path.name for path in tmp_path.iterdir()} == {"adapter_model.safetensors", "adapter_config.json"}
    torch.manual_seed(1)
    base = build_model(small)
    loaded = peft.PeftModel.from_pretrained(getattr(base, "transformers_model", base), tmp_path).eval()
    found = loaded(tokens)
    assert torch.equal(getattr(found, "logits", found), adapted(tokens))


def test_the_written_configuration_names_base_and_targets_in_the_order_given(tiny_llama: Path, tmp_path: Path) -> None:
    model = build_model(ModelConfig(pretrained=str(tiny_llama)))
    adapted = attach_adapter(model, lora("v_proj", "o_proj", "q_proj"))
    LORA.save(adapted, trained_state(adapted), tmp_path)  # type: ignore[misc]
    written = json.loads((tmp_path / "adapter_config.json").read_text())
    assert written["target_modules"] == ["v_proj", "o_proj", "q_proj"]
    assert written["base_model_name_or_path"] == str(tiny_llama)
    assert (written["r"], written["lora_alpha"], written["task_type"]) == (4, 8.0, "CAUSAL_LM")


def test_merging_keeps_the_logits_and_leaves_a_plain_model(small: ModelConfig, tokens: torch.Tensor) -> None:
    """Float32 sums in another order, logits of order 1."""
    adapted = trained_at_random(attach_adapter(build_model(small), lora()))
    before = adapted(tokens)
    merged = LORA.merged(adapted)
    torch.testing.assert_close(merged(tokens), before, rtol=1e-4, atol=1e-4)
    assert list(merged.state_dict()) == list(build_model(small).state_dict())


@pytest.mark.parametrize("architecture", ["transformer_lm", "gpt2", "pretrained"])
def test_an_adapted_tied_head_leaves_the_embedding_alone_and_is_not_merged(architecture: str, tiny_llama: Path) -> None:
    given = str(tiny_llama) if architecture == "pretrained" else None
    config = ModelConfig(architecture=architecture, pretrained=given, tied_embeddings=True, **SMALL)
    model = trained_at_random(attach_adapter(build_model(config), lora("lm_head")))
    assert count(lora("lm_head"), config) == 4 * (257 + 32)
    with pytest.raises(WrongRequest, match="shares its weight with the embedding"):
        LORA.merged(model)


def test_gpt2_of_the_transformers_library_has_linear_layers_of_its_own_make(tmp_path: Path, tokens: torch.Tensor) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(vocab_size=257, n_embd=32, n_layer=2, n_head=2, n_positions=64)).save_pretrained(tmp_path)
    config = ModelConfig(pretrained=str(tmp_path))
    assert linear_shapes(config)["transformers_model.transformer.h.0.attn.c_attn"] == (96, 32)
    adapted = trained_at_random(attach_adapter(build_model(config), lora("c_attn")))
    assert count(lora("c_attn"), config) == 2 * 4 * (96 + 32)
    assert not torch.equal(adapted(tokens), build_model(config).eval()(tokens))


def test_a_target_that_does_not_exist_in_the_model_itself_is_refused_too(tiny_llama: Path) -> None:
    with pytest.raises(WrongRequest, match=r"'output_proj'.*the model has down_proj, .*, o_proj, q_proj"):
        attach_adapter(build_model(ModelConfig(pretrained=str(tiny_llama))), lora("output_proj"))
