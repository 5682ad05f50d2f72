import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.spec.compose import compose_run
from trainable.spec.identity import TrialKey, cell_of, content_hash, identity_of


def cell(*overrides: str) -> str:
    return cell_of(compose_run(overrides))


@pytest.mark.parametrize(
    "override",
    [
        "training.seed=7",
        "training.micro_batch_size=2",
        "training.num_threads=2",
        "training.checkpoint_interval=80",
        "tracking.wandb=off",
        "resources.cpus_per_trial=2",
        "experiment.results_dir=elsewhere",
        "experiment.hypothesis=other",
        "data.root=elsewhere",
        "bounds.levels=7",
    ],
)
def test_where_and_how_a_run_is_carried_out_leaves_its_cell(override: str) -> None:
    assert cell(override) == cell()


@pytest.mark.parametrize(
    "override",
    [
        "optimizer.lr=1e-3",
        "optimizer=sgd",
        "training.max_steps=401",
        "training.batch_size=16",
        "model.d_model=64",
        "data.vocab_size=512",
        "bounds=document",
    ],
)
def test_what_a_run_computes_makes_its_cell(override: str) -> None:
    assert cell(override) != cell()


def test_settings_of_bounds_count_where_bounds_are_measured() -> None:
    assert cell("bounds=document", "bounds.levels=7") != cell("bounds=document")
    assert cell("bounds=document", "bounds.num_candidates=30") != cell("bounds=document")
    assert "bounds" not in identity_of(compose_run([]))


def test_settings_that_came_later_count_where_they_are_given() -> None:
    assert not any(key.startswith(("intrinsic", "projector", "allocation", "gate")) for key in identity_of(compose_run([]))["adapter"])
    learned = cell("adapter=sublora", "adapter.allocation=learned")
    assert len({cell("adapter=lora"), cell("adapter=sublora"), cell("adapter=sublora", "adapter.projector_seed=1"), learned}) == 4


def test_two_ways_to_say_the_same_give_one_cell() -> None:
    assert cell("optimizer.lr=0.001", "model=tiny") == cell("optimizer.lr=1e-3")


@given(cell=st.text("0123456789abcdef", min_size=12, max_size=12), seed=st.integers(0, 2**32))
def test_a_trial_key_reads_back(cell: str, seed: int) -> None:
    assert TrialKey.parse(str(TrialKey(cell, seed))) == TrialKey(cell, seed)


@pytest.mark.parametrize("text", ["", "abc", "abc-s", "-s1", "abc-sx"])
def test_other_texts_are_no_trial_keys(text: str) -> None:
    with pytest.raises(ValueError, match="not a trial key"):
        TrialKey.parse(text)


def test_a_content_hash_ignores_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1})
