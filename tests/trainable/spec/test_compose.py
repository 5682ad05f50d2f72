import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from trainable.spec.compose import PRESETS, choices, compose_run, from_plain, known_keys, to_plain
from trainable.spec.config import GROUPS, RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.spec.overrides import overrides_of


def mistakes_of(*overrides: str) -> list[str]:
    with pytest.raises(WrongRequest) as caught:
        compose_run(overrides)
    return caught.value.mistakes


def test_no_override_gives_the_default_presets() -> None:
    config = compose_run([])
    assert (config.model.name, config.optimizer.name, config.schedule.name, config.data.name) == ("tiny", "adamw", "cosine", "stdlib")
    assert config.model.vocab_size == config.data.vocab_size == 1024


def test_the_baseline_of_the_cs336_log() -> None:
    config = compose_run(["experiment=baseline_tinystories"])
    assert (config.model.d_model, config.model.num_layers, config.model.num_heads, config.model.d_ff) == (512, 6, 8, 2048)
    assert (config.model.context_length, config.model.rope_theta, config.model.vocab_size) == (256, 10000.0, 10000)
    assert (config.training.batch_size, config.training.max_steps, config.training.grad_clip) == (64, 10000, 1.0)
    assert (config.optimizer.lr, list(config.optimizer.betas or []), config.optimizer.weight_decay) == (6e-4, [0.9, 0.95], 0.1)
    assert (config.schedule.name, config.schedule.warmup_steps) == ("cosine", 2000)


def test_an_override_wins_over_an_experiment() -> None:
    assert compose_run(["experiment=baseline_tinystories", "training.max_steps=20000"]).training.max_steps == 20000


@pytest.mark.parametrize(("group", "choice"), [(group, choice) for group in GROUPS for choice in choices(group)])
def test_every_shipped_preset_loads_and_keeps_all_rules(group: str, choice: str, corpus_file: object) -> None:
    needs = [f"data.path={corpus_file}"] if (group, choice) == ("data", "text") else []
    # A model must have an embedding for every token of the data set it is shown.
    needs += ["model.vocab_size=50257"] if group == "data" else []
    assert isinstance(compose_run([f"{group}={choice}", *needs]), RunConfig)


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("optimzer=adamw", ["'optimzer'", "did you mean 'optimizer'"]),
        ("optimizer=adam8bits", ["'adam8bits'", "did you mean 'adam8bit'"]),
        ("model.d_modle=64", ["'model.d_modle'", "did you mean 'model.d_model'"]),
        ("training.max_steps=many", ["training.max_steps='many'", "Integer"]),
        ("training.max_steps=0", ["training.max_steps=0", "above 0"]),
        ("model.num_heads=3", ["model.d_model=128", "divisible", "model.num_heads=3"]),
        ("training.micro_batch_size=3", ["training.batch_size=8", "divisible", "training.micro_batch_size=3"]),
        ("model.vocab_size=100", ["model.vocab_size=100", "data.vocab_size=1024"]),
        ("data.vocab_size=100", ["data.vocab_size=100", "257"]),
        ("data.val_fraction=0.99", ["data.val_fraction + data.test_fraction"]),
        ("training.checkpoint_interval=30", ["training.checkpoint_interval=30", "multiple", "training.eval_interval=40"]),
        ("tracking.wandb=on-line", ["tracking.wandb", "'on-line'", "did you mean 'online'"]),
        ("experiment.phase=quantisation", ["experiment.phase", "did you mean 'quantization'"]),
        ("optimizer.lr=1e-3,1e-4", ["several values", "search space"]),
        ("~model", ["deletes"]),
        ("model.d_model", ["key=value"]),
        ("data.path=/a/ü b.txt", ["key=value", "in quotes it is text: 'data.path=\"/a/ü b.txt\"'"]),
        ("training.seed=-1", ["training.seed=-1"]),
        ("bounds.levels=4", ["bounds.levels=4", "odd"]),
        ("bounds.epsilon=1", ["bounds.epsilon=1", "(0, 1)"]),
        ("bounds.samples=0", ["bounds.samples=0", "above 0"]),
        ("bounds.num_candidates=0", ["bounds.num_candidates=0", "above 0"]),
        ("bounds.quantisation_aware_steps=-1", ["bounds.quantisation_aware_steps=-1", "at least 0"]),
        ("bounds.window_shift=65", ["bounds.window_shift=65", "model.context_length=64"]),
        ("bounds.quantisation=kmean", ["bounds.quantisation", "did you mean 'kmeans'"]),
        ("bounds.level_of_independence=documents", ["bounds.level_of_independence", "did you mean 'document'"]),
    ],
)
def test_a_mistake_names_the_value_the_rule_and_the_nearest_name(override: str, parts: list[str]) -> None:
    text = "\n".join(mistakes_of(override))
    for part in parts:
        assert part in text


def test_all_mistakes_at_once() -> None:
    found = mistakes_of("optimzer=adamw", "optimizer.lr=abc", "data=tex", "model.d_modle=3")
    assert len(found) == 4


def test_all_broken_rules_at_once() -> None:
    found = mistakes_of("training.max_steps=0", "model.num_heads=3", "training.micro_batch_size=3")
    assert len(found) == 3


def test_composing_again_does_not_remember_earlier_overrides() -> None:
    compose_run(["optimizer.lr=0.5"])
    assert compose_run([]).optimizer.lr == compose_run(["optimizer.lr=3e-3"]).optimizer.lr


def test_plain_values_lead_back_to_the_same_configuration() -> None:
    config = compose_run(["model=gpt2-small", "optimizer=sgd", "tracking.tags=[a,b]"])
    assert from_plain(to_plain(config)) == config


@pytest.mark.parametrize("name", choices("experiment"))
def test_plain_values_are_those_of_the_whole_configuration(name: str) -> None:
    """Groups are made plain one by one, and kept: the outcome is OmegaConf's of all of them together, to the type of a number."""
    config = compose_run([f"experiment={name}"])
    whole = replace(config, optimizer=replace(config.optimizer, lr=1, betas=[0, 1]), resources=replace(config.resources, gpus_per_trial=1))
    for each in (config, whole, RunConfig()):
        assert json.dumps(to_plain(each)) == json.dumps(OmegaConf.to_container(OmegaConf.structured(each), resolve=True))


def test_plain_values_may_be_changed_by_who_asked_for_them() -> None:
    config = compose_run(["tracking.tags=[a]"])
    to_plain(config)["tracking"]["tags"].append("b")
    assert to_plain(config)["tracking"]["tags"] == ["a"]


def test_foreign_values_are_refused() -> None:
    with pytest.raises(WrongRequest, match="not a run configuration"):
        from_plain({"model": {"size": 3}})


texts = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).filter(lambda t: "$" not in t)


@given(lr=st.floats(min_value=1e-300, max_value=1e300), betas=st.lists(st.floats(0, 0.999), min_size=2, max_size=2), notes=texts)
def test_values_survive_being_written_as_overrides(lr: float, betas: list[float], notes: str) -> None:
    config = compose_run(overrides_of([("optimizer.lr", lr), ("optimizer.betas", betas), ("tracking.notes", notes)]))
    assert (config.optimizer.lr, list(config.optimizer.betas or [])) == (lr, betas)
    assert config.tracking.notes == notes


def test_known_keys_are_the_fields_of_the_dataclasses() -> None:
    assert "optimizer.lr" in known_keys()
    assert all(key.split(".")[0] in GROUPS for key in known_keys())


def test_every_field_documents_itself() -> None:
    undocumented = [
        f"{g}.{n}" for g, schema in GROUPS.items() for n, f in schema.__dataclass_fields__.items() if not f.metadata.get("help")
    ]
    assert undocumented == []


def test_presets_are_packaged_beside_the_code() -> None:
    assert (PRESETS / "config.yaml").is_file()
    assert math.isclose(compose_run(["optimizer=adafactor"]).optimizer.lr, 1e-2)
