from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.spec.experiment_id import PHASES, ExperimentId, parse_experiment_id, value_slug
from trainable.spec.run_dir import claim_run_name

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(lambda t: t.replace(second=0, microsecond=0))


@given(moments, st.sampled_from(PHASES), names, names, names, st.none() | st.integers(0, 10**6))
def test_an_id_reads_back(started: datetime, phase: str, category: str, description: str, variant: str, seed: int | None) -> None:
    made = ExperimentId(started, phase, category, description, variant, seed)
    assert parse_experiment_id(str(made)) == made


@pytest.mark.parametrize(
    "text",
    [
        "20251030_1430_baseline_adam_gpt2small_lr1e4",
        "20251105_0920_quantization_adam8bit_gpt2medium_dynamic",
        "20251215_1500_hybrid_hybridadam_gpt2large_adaptive",
        "20251030_1430_baseline_adam_gpt2small_lr1e4_seed42",
    ],
)
def test_the_protocols_examples_are_ids(text: str) -> None:
    assert parse_experiment_id(text).description.startswith("gpt2")


def test_the_form_of_the_protocol() -> None:
    made = ExperimentId(datetime(2025, 10, 30, 14, 30), "baseline", "adam", "GPT2-small", "lr1e-4", 42)
    assert str(made) == "20251030_1430_baseline-adam_gpt2small_lr1e-4_seed42"


@pytest.mark.parametrize("text", ["", "baseline", "2025_1430_baseline-adam_x_y", "20251030_1430_baseline"])
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(ValueError, match="not an experiment id"):
        parse_experiment_id(text)


@pytest.mark.parametrize(
    ("key", "value", "slug"),
    [
        ("optimizer.lr", 3e-4, "lr3e-4"),
        ("optimizer.lr", 1.0, "lr1e0"),
        ("training.batch_size", 32, "batchsize32"),
        ("optimizer", "adam8bit", "optimizeradam8bit"),
    ],
)
def test_varied_values_as_parts_of_an_id(key: str, value: object, slug: str) -> None:
    assert value_slug(key, value) == slug


def test_a_taken_name_gets_a_number_and_remains_an_id(tmp_path: Path) -> None:
    name = "20251030_1430_baseline-adam_x_lr1e-4_seed42"
    (tmp_path / name).mkdir()
    second = claim_run_name(tmp_path, name)
    third = claim_run_name(tmp_path, name, {name.replace("_seed", "-3_seed")})
    assert (second, third) == (name.replace("_seed", "-2_seed"), name.replace("_seed", "-4_seed"))
    assert parse_experiment_id(third).seed == 42


def test_two_runs_that_start_together_have_two_names(tmp_path: Path) -> None:
    names = {claim_run_name(tmp_path / "runs", "20251030_1430_baseline-adam_x_lr1e-4") for _ in range(3)}
    assert len(names) == 3
