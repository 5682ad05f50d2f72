"""Trials are composed group by group; what comes out is what Hydra's own composition of all their overrides gives."""

import importlib
import json
import random
from dataclasses import replace

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeps import sweep_names
from sweeps.runner.blueprint import draw_up
from sweeps.runner.searchers.random_search import draw
from tests.sweeps.schedulers.racing import EXAMPLES
from trainable.spec.compose import PRESETS, compose_run, from_plain, known_keys, to_plain
from trainable.spec.config import RunConfig
from trainable.spec.overrides import overrides_of, parsed_override

# Hydra's own way takes 30 ms: of larger sweeps, trials are drawn.
MOST = 24


def by_hydra(overrides: list[str]) -> RunConfig:
    compose_run([])  # registers the schemas
    with initialize_config_dir(str(PRESETS), version_base=None):
        config = OmegaConf.to_object(compose("config", overrides=overrides))
    assert isinstance(config, RunConfig)
    return config


def by_omegaconf(config: RunConfig) -> object:
    return OmegaConf.to_container(OmegaConf.structured(config), resolve=True)


@pytest.mark.parametrize("name", sweep_names())
@pytest.mark.parametrize("scale", [[], ["sweep.scale=full", "data=stdlib", "data.vocab_size=10000"]], ids=["small", "full"])
def test_every_shipped_trial_is_composed_as_hydra_would(name: str, scale: list[str]) -> None:
    sweep = importlib.import_module(f"sweeps.{name}").SWEEP
    if scale and sweep.full is None:
        pytest.skip(f"{name} has one size")
    blueprint = draw_up(sweep, scale)
    trials = [(values, seed) for slot in blueprint.slots for values in [_values(blueprint, slot)] for seed in (0, 1)]
    chosen = trials if len(trials) <= MOST else random.Random(0).sample(trials, MOST)
    for values, seed in chosen:
        overrides = blueprint.run_overrides(values, seed)
        config = compose_run(overrides)
        assert config == by_hydra(overrides), overrides
        assert json.dumps(to_plain(config)) == json.dumps(by_omegaconf(config))
        assert from_plain(json.loads(json.dumps(to_plain(config)))) == config


def _values(blueprint, slot) -> dict:
    space = next(space for space in blueprint.sweep.spaces if set(dict(slot.grid)) <= set(space))
    return draw(space, slot, blueprint.settings.explore.seed)


@pytest.mark.parametrize(
    "overrides",
    [
        ["optimizer=adam8bit", "optimizer.betas=[0.8,0.9]", "optimizer.lr=1"],
        ["data.vocab_size=2000", "optimizer.betas=null"],
        ["schedule.warmup_steps=${training.eval_interval}"],
        ["data.vocab_size=${training.eval_interval}", "training.eval_interval=300", "model.vocab_size=${data.vocab_size}"],
        ["experiment=baseline_tinystories", "training.seed=3", "training.seed=4"],
        ["+training.max_steps=7", "training.eval_interval=7", "tracking.wandb=off"],
        ["resources.gpus_per_trial=auto"],
        ["resources.gpus_per_trial=0.5", "model.tied_embeddings=true"],
    ],
    ids=" ".join,
)
def test_what_people_write_is_composed_as_hydra_would(overrides: list[str]) -> None:
    assert compose_run(overrides) == by_hydra([text.lstrip("+") for text in overrides])


@EXAMPLES
@given(
    st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False, allow_infinity=False).map(str), st.sampled_from(known_keys())
)
def test_numbers_are_read_as_hydra_reads_them(value: object, key: str) -> None:
    text = f"{key}={value}" if isinstance(value, str) else overrides_of([(key, value)])[0]
    assert parsed_override(text) == OverridesParser.create().parse_override(text)


def test_a_trial_does_not_share_its_groups_with_another() -> None:
    first, second = (compose_run(["training.seed=1"]) for _ in range(2))
    first.training.max_steps = 1
    assert second.training.max_steps != 1


def test_plain_values_are_of_the_types_that_the_schema_says() -> None:
    """A value that somebody put in beside the composition, such as 1 for 1.0, counts as what it stands for."""
    config = compose_run(["optimizer.betas=[0.8,0.9]"])
    for group, changes in (
        ("optimizer", {"lr": 1, "betas": [0, 1]}),
        ("training", {"max_steps": 7}),
        ("resources", {"gpus_per_trial": "auto"}),
    ):
        changed = replace(config, **{group: replace(getattr(config, group), **changes)})
        assert json.dumps(to_plain(changed)) == json.dumps(by_omegaconf(changed))
        assert to_plain(changed) is not to_plain(changed)


def test_plain_values_that_have_to_be_converted_become_what_the_schema_says() -> None:
    config = compose_run([])
    values = to_plain(config)
    values["optimizer"]["lr"] = 1
    del values["experiment"]
    found = from_plain(values)
    assert found == replace(config, optimizer=replace(config.optimizer, lr=1.0))
    assert type(found.optimizer.lr) is float
