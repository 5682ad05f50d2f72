"""What every registered data set must hold."""

from pathlib import Path

import pytest

from trainable.data.registry import DATASETS
from trainable.spec.compose import choices, compose_run


def test_presets_and_data_sets_are_the_same_names() -> None:
    assert set(choices("data")) == set(DATASETS)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "text"])
def test_the_preset_composes_into_a_request_its_source_accepts(name: str) -> None:
    config = compose_run([f"data={name}"]).data
    assert config.name == name
    assert all("package 'datasets'" in mistake for mistake in DATASETS[name].mistakes(config))


@pytest.mark.parametrize("name", DATASETS)
def test_edition_and_fingerprint_are_facts_that_json_can_hold(name: str, tmp_path: Path) -> None:
    config = compose_run([f"data={name}", f"data.path={tmp_path}"]).data
    for facts in (DATASETS[name].edition(config), DATASETS[name].fingerprint(config)):
        assert all(isinstance(value, str | int) for value in facts.values())
