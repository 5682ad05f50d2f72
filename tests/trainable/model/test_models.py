"""The models against plain references in float64, and what every model owes."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainable.model.registry import MODELS, build_model
from trainable.spec.config import ModelConfig

EVERY = sorted(MODELS)


def config(architecture: str, **changes: Any) -> ModelConfig:
    small: dict[str, Any] = {"vocab_size": 50, "context_length": 12, "d_model": 32, "num_layers": 3, "num_heads": 4, "d_ff": 48}
    return ModelConfig(architecture=architecture, **{**small, **changes})


def seeded(chosen: ModelConfig, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(chosen)


def tokens(batch: int = 2, time: int = 12) -> Tensor:
    return torch.randint(50, (batch, time), generator=torch.Generator().manual_seed(1))


def turn(x: Tensor, theta: float) -> Tensor:
    """RoPE as a product with one rotation matrix per position; x [time, head_dim]."""
    rows = []
    for t, row in enumerate(x):
        matrix = torch.zeros(len(row), len(row), dtype=row.dtype)
        for k in range(len(row) // 2):
            angle = t / theta ** (2 * k / len(row))
            c, s = math.cos(angle), math.sin(angle)
            matrix[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = torch.tensor([[c, -s], [s, c]])
        rows.append(matrix @ row)
    return torch.stack(rows)


def attend(w: dict[str, Tensor], layer: str, x: Tensor, c: ModelConfig, *, rotary: bool) -> Tensor:
    """One sequence, x [time, d_model], head by head."""
    size = c.d_model // c.num_heads
    q, k, v = (F.linear(x, w[f"{layer}.attn.{p}_proj.weight"], w.get(f"{layer}.attn.{p}_proj.bias")) for p in "qkv")
    later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    heads = []
    for head in range(c.num_heads):
        shared = head // (c.num_heads // (c.num_kv_heads or c.num_heads))
        mine, theirs = slice(head * size, head * size + size), slice(shared * size, shared * size + size)
        query, key = (turn(q[:, mine], c.rope_theta), turn(k[:, theirs], c.rope_theta)) if rotary else (q[:, mine], k[:, theirs])
        scores = (query @ key.T / math.sqrt(size)).masked_fill(later, -math.inf)
        heads.append(torch.softmax(scores, dim=-1) @ v[:, theirs])
    return F.linear(torch.cat(heads, dim=-1), w[f"{layer}.attn.output_proj.weight"], w.get(f"{layer}.attn.output_proj.bias"))


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x / ((x**2).mean(-1, keepdim=True) + eps).sqrt() * weight


def transformer_lm(w: dict[str, Tensor], sequence: Tensor, c: ModelConfig) -> Tensor:
    x = w["token_embeddings.weight"][sequence] * (math.sqrt(c.d_model) if c.tied_embeddings else 1)
    for i in range(c.num_layers):
        at = f"layers.{i}"
        x = x + attend(w, at, rms_norm(x, w[f"{at}.ln1.weight"], c.norm_eps), c, rotary=True)
        h = rms_norm(x, w[f"{at}.ln2.weight"], c.norm_eps)
        gate = h @ w[f"{at}.ffn.w1.weight"].T
        x = x + (gate / (1 + (-gate).exp()) * (h @ w[f"{at}.ffn.w3.weight"].T)) @ w[f"{at}.ffn.w2.weight"].T
    return rms_norm(x, w["ln_final.weight"], c.norm_eps) @ w["lm_head.weight"].T


def layer_norm(x: Tensor, w: dict[str, Tensor], at: str, eps: float) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * w[f"{at}.weight"] + w[f"{at}.bias"]


def gpt2(w: dict[str, Tensor], sequence: Tensor, c: ModelConfig) -> Tensor:
    x = w["token_embeddings.weight"][sequence] + w["position_embeddings.weight"][: len(sequence)]
    for i in range(c.num_layers):
        at = f"layers.{i}"
        x = x + attend(w, at, layer_norm(x, w, f"{at}.ln1", c.norm_eps), c, rotary=False)
        h = layer_norm(x, w, f"{at}.ln2", c.norm_eps) @ w[f"{at}.ffn.w1.weight"].T + w[f"{at}.ffn.w1.bias"]
        h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        x = x + h @ w[f"{at}.ffn.w2.weight"].T + w[f"{at}.ffn.w2.bias"]
    return layer_norm(x, w, "ln_final", c.norm_eps) @ w["lm_head.weight"].T


REFERENCES = {"transformer_lm": transformer_lm, "gpt2": gpt2}


def stirred(model: nn.Module) -> nn.Module:
    """Norm weights and biases off their starting values 1 and 0, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


FORMS = [{}, {"tied_embeddings": True}, {"num_kv_heads": 2}, {"num_kv_heads": 1}, {"rope_theta": 500.0, "norm_eps": 0.1}]


@pytest.mark.parametrize("changes", FORMS, ids=str)
@pytest.mark.parametrize("architecture", EVERY)
def test_logits_are_those_of_a_plain_reference(architecture: str, changes: dict[str, Any]) -> None:
    chosen = config(architecture, **changes)
    model = stirred(seeded(chosen))
    batch = tokens(time=9)
    weights = {key: value.double() for key, value in model.state_dict().items()}
    expected = torch.stack([REFERENCES[architecture](weights, sequence, chosen) for sequence in batch])
    logits = model(batch)
    assert logits.shape == (2, 9, 50)
    # float32 sums of up to 48 terms through three layers, on logits of size up to 6: about 2e-6 off.
    torch.testing.assert_close(logits.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", EVERY)
def test_a_token_never_sees_a_later_one(architecture: str) -> None:
    model = seeded(config(architecture))
    batch = tokens()
    changed = batch.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 50
    before, after = model(batch), model(changed)
    torch.testing.assert_close(before[:, :7], after[:, :7], rtol=0, atol=1e-6)
    assert (before[:, 7:] - after[:, 7:]).abs().amax(dim=(0, 2)).min() > 1e-4


@pytest.mark.parametrize("architecture", EVERY)
def test_a_sequence_longer_than_the_context_is_refused(architecture: str) -> None:
    model = seeded(config(architecture))
    assert model(tokens(time=12)).shape == (2, 12, 50)
    with pytest.raises(ValueError, match="a sequence of 13 tokens is longer than context_length=12"):
        model(tokens(time=13))


@pytest.mark.parametrize("architecture", EVERY)
def test_the_seed_decides_the_weights(architecture: str) -> None:
    one, again, other = (seeded(config(architecture), seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not torch.equal(one["lm_head.weight"], other["lm_head.weight"])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("architecture", EVERY)
def test_a_fresh_model_is_uncertain_but_not_absurd(architecture: str, tied: bool) -> None:
    """A first loss near ln(vocab_size), never a multiple of it; a tied `TransformerLM` first expects each token again."""
    chosen = config(architecture, tied_embeddings=tied, vocab_size=500, d_model=128, d_ff=344)
    batch = torch.randint(500, (8, 13), generator=torch.Generator().manual_seed(1))
    loss = F.cross_entropy(seeded(chosen)(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten()).item()
    excess = 2.0 if tied and architecture == "transformer_lm" else 0.3
    assert math.log(500) - 0.1 < loss < math.log(500) + excess


@pytest.mark.parametrize("architecture", EVERY)
def test_a_tied_head_is_one_parameter_that_learns_from_both_ends(architecture: str) -> None:
    model = seeded(config(architecture, tied_embeddings=True))
    state = model.state_dict()
    assert state["lm_head.weight"].data_ptr() == state["token_embeddings.weight"].data_ptr()
    assert "lm_head.weight" not in dict(model.named_parameters())
    model(torch.zeros(1, 4, dtype=torch.long)).square().sum().backward()
    gradient = model.get_parameter("token_embeddings.weight").grad
    assert gradient is not None
    assert gradient.abs().sum(dim=1).min() > 0


@pytest.mark.parametrize("architecture", EVERY)
def test_dropout_acts_in_training_only(architecture: str) -> None:
    dropping, plain = (seeded(config(architecture, dropout=rate)) for rate in (0.5, 0.0))
    batch = tokens()
    assert not torch.equal(dropping(batch), dropping(batch))
    torch.testing.assert_close(dropping.eval()(batch), plain(batch), rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.1])
@pytest.mark.parametrize("architecture", EVERY)
def test_compiles_into_one_graph_with_the_same_logits(architecture: str, rate: float) -> None:
    model = seeded(config(architecture, dropout=rate))
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    batch = tokens()
    assert compiled(batch).shape == (2, 12, 50)
    model.eval()
    torch.testing.assert_close(compiled(batch), model(batch), rtol=0, atol=1e-5)
    torch.testing.assert_close(compiled(batch[:, :5]), model(batch[:, :5]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", EVERY)
def test_autocast_stays_near_full_precision(architecture: str) -> None:
    model = seeded(config(architecture))
    exact = model(tokens())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = model(tokens())
    assert 0 < (rounded - exact).norm() < 0.03 * exact.norm()  # bfloat16 keeps 8 bits: 0.4 % for each product


def test_norms_of_bfloat16_inputs_are_computed_in_float32() -> None:
    norm = seeded(config("transformer_lm")).get_submodule("ln_final").bfloat16()
    x = torch.randn(64, 32, generator=torch.Generator().manual_seed(1)).bfloat16()
    expected = (x.float() / (x.float().square().mean(-1, keepdim=True) + 1e-5).sqrt()).bfloat16()
    assert torch.equal(norm(x), expected)


def test_transformer_lm_has_the_names_of_the_cs336_assignment() -> None:
    names = {"token_embeddings.weight", "ln_final.weight", "lm_head.weight"}
    for i in range(3):
        names |= {f"layers.{i}.attn.{p}_proj.weight" for p in ("q", "k", "v", "output")}
        names |= {f"layers.{i}.{n}.weight" for n in ("ln1", "ln2", "ffn.w1", "ffn.w2", "ffn.w3")}
    assert set(seeded(config("transformer_lm")).state_dict()) == names


def test_transformer_lm_starts_as_documented() -> None:
    model = seeded(config("transformer_lm", d_model=128, d_ff=512, vocab_size=1000))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            assert torch.equal(parameter, torch.ones(128)), name
            continue
        std = 1.0 if name == "token_embeddings.weight" else math.sqrt(2 / sum(parameter.shape))
        # A normal cut at three std keeps 98.66 % of it; the sample's own deviation is below 1 % at 16,384 entries.
        assert parameter.std().item() == pytest.approx(0.9866 * std, rel=0.02), name
        assert parameter.abs().max() <= 3 * std, name


def test_gpt2_starts_as_documented() -> None:
    model = seeded(config("gpt2", d_model=128, d_ff=512, vocab_size=1000, context_length=256))
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            expected = torch.zeros if name.endswith("bias") else torch.ones
            assert torch.equal(parameter, expected(len(parameter))), name
            continue
        residual = name.endswith(("attn.output_proj.weight", "ffn.w2.weight"))
        assert parameter.std().item() == pytest.approx(0.02 / math.sqrt(6) if residual else 0.02, rel=0.03), name
