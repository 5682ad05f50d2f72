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
