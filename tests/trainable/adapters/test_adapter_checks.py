import subprocess
from pathlib import Path

import pytest

from trainable.adapters import checks
from trainable.request import request_run
from trainable.spec.mistakes import WrongRequest


def mistakes_of(*overrides: str) -> list[str]:
    with pytest.raises(WrongRequest) as caught:
        request_run(overrides)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["adapter.rank=0"], ["adapter.rank=0", "at least 1"]),
        (["adapter.rank=null"], ["adapter.rank is not given"]),
        (["adapter.alpha=0"], ["adapter.alpha=0.0", "above 0"]),
        (["adapter.alpha=inf"], ["adapter.alpha=inf", "finite"]),
        (["adapter.alpha_factor=-1"], ["adapter.alpha_factor=-1.0", "above 0"]),
        (["adapter.alpha_factor=null"], ["adapter.alpha and adapter.alpha_factor are not given"]),
        (["adapter.dropout=1"], ["adapter.dropout=1.0", "[0, 1)"]),
        (["adapter.target_modules=[]"], ["adapter.target_modules=[]", "at least one"]),
        (["adapter.target_modules=[q_prj]"], ["'q_prj'", "did you mean 'q_proj'"]),
        (["adapter.target_modules=[w3]", "model=gpt2-small"], ["'w3'", "adapter.target_modules"]),
        (["adapter.target_modules=[attn]"], ["linear layer", "'attn'"]),
        (["adapter.target_modules=[token_embeddings]"], ["linear layer", "'token_embeddings'"]),
        (["adapter.name=lorra"], ["unknown adapter 'lorra'", "did you mean 'lora'"]),
    ],
)
def test_each_broken_rule_is_one_sentence_with_value_and_rule(overrides: list[str], parts: list[str]) -> None:
    (mistake,) = mistakes_of("adapter=lora", *overrides)
    for part in parts:
        assert part in mistake


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["adapter.rank=-1"], ["adapter.rank=-1", "at least 0"]),
        (["adapter.intrinsic_dim=-1"], ["adapter.intrinsic_dim=-1", "at least 0"]),
        (["adapter.intrinsic_dim=null"], ["adapter.intrinsic_dim is not given"]),
        (["adapter.projector=rdkron_qr"], ["'rdkron_qr'", "did you mean 'rdkronqr'"]),
        (["adapter.projector_seed=-1"], ["adapter.projector_seed=-1", "[0, 2**63)"]),
        (["adapter.allocation=unifrom"], ["'unifrom'", "did you mean 'uniform'"]),
        (["adapter.allocation=fixed"], ["adapter.allocation_ratio is not given"]),
        (["adapter.allocation_ratio=0.5"], ["adapter.allocation_ratio=0.5", "only adapter.allocation=fixed"]),
        (["adapter.allocation=fixed", "adapter.allocation_ratio=0"], ["allocation_ratio=0 must lie in (0, 1]", "B starts at 0"]),
        (["adapter.allocation=fixed", "adapter.allocation_ratio=1.1"], ["allocation_ratio=1.1 must lie in (0, 1]"]),
        (["adapter.allocation=fixed", "adapter.allocation_ratio=1e-4"], ["0.0001 of adapter.intrinsic_dim=1000 rounds to 0"]),
        (["adapter.allocation=learned", "adapter.gate_lr=0"], ["adapter.gate_lr=0.0", "above 0"]),
        (["adapter.allocation=learned", "adapter.gate_lr=null"], ["adapter.gate_lr is not given"]),
        (["adapter.allocation=learned", "adapter.rank=0"], ["adapter.rank=0", "without A and B"]),
        (["adapter.allocation=learned", "adapter.intrinsic_dim=0"], ["adapter.intrinsic_dim=0", "without coordinates"]),
        (["adapter.allocation=learned", "adapter.intrinsic_dim=4"], ["intrinsic_dim=4 must be at least 5", "each group"]),
        (["adapter.intrinsic_dim=100_000"], ["100000 coordinates to all weights, which has only 12800"]),
        (["adapter.allocation=learned", "adapter.intrinsic_dim=2000"], ["720 coordinates to A of group head, which has only 512"]),
    ],
)
def test_each_broken_rule_of_a_subspace_too(overrides: list[str], parts: list[str]) -> None:
    """The model `tiny` has 12,800 LoRA weights of rank 4, 4,608 of them in the head, 512 of those in its A."""
    (mistake,) = mistakes_of("adapter=sublora", *overrides)
    for part in parts:
        assert part in mistake


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8, 1])
def test_every_ratio_above_0_is_allowed(ratio: float) -> None:
    given = ["adapter=sublora", "adapter.allocation=fixed", f"adapter.allocation_ratio={ratio}"]
    assert request_run(given).adapter.allocation_ratio == ratio


def test_a_setting_of_a_subspace_has_no_meaning_for_a_lora() -> None:
    (mistake,) = mistakes_of("adapter=lora", "adapter.intrinsic_dim=10")
    assert "adapter.intrinsic_dim=10 has no meaning for adapter=lora" in mistake


def test_a_setting_without_an_adapter_is_refused() -> None:
    (mistake,) = mistakes_of("adapter.rank=8")
    assert mistake == "adapter.rank=8 has no meaning for adapter=none (choose an adapter, such as adapter=lora)"


def test_all_mistakes_come_together_also_with_those_of_a_model_that_cannot_be_built() -> None:
    found = mistakes_of("adapter=lora", "adapter.rank=-1", "adapter.target_modules=[q_prj]", "model.num_heads=0")
    assert any("adapter.rank=-1" in mistake for mistake in found)
    assert any("model.num_heads=0" in mistake for mistake in found)


def test_without_the_package_there_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    (mistake,) = mistakes_of("adapter=lora")
    assert mistake == "adapter=lora needs the package 'peft' (pip install 'transformer-sweeps[adapters]')"


@pytest.mark.parametrize("name", ["q_proj", "attn.q_proj", "layers.0.attn.q_proj", "lm_head"])
def test_a_layer_is_named_by_the_end_of_its_path(name: str) -> None:
    assert request_run(["adapter=lora", f"adapter.target_modules=[{name}]"]).adapter.target_modules == [name]


def test_a_request_is_checked_without_torch(python: str) -> None:
    code = "import sys; from trainable.request import request_run; request_run(['adapter=lora']); sys.exit('torch' in sys.modules)"
    subprocess.run([python, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[3])
