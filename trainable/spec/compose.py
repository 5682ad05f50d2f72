"""From overrides to a `RunConfig`: Hydra's grammar and presets, every mistake reported at once."""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainable.spec.checks import run_mistakes
from trainable.spec.config import GROUPS, RunConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean, unknown

PRESETS = Path(__file__).parent / "presets"
Check = Callable[[RunConfig], list[str]]
_PLAIN_WORD = re.compile(r"(?!(?i:null|true|false|inf|nan)$)[A-Za-z_][A-Za-z0-9_./-]*")
_HYDRA_IS_GLOBAL = threading.Lock()


def compose_run(overrides: Sequence[str], checks: Sequence[Check] = ()) -> RunConfig:
    """The configuration that `overrides` describe, checked; `checks` are asked beside the rules of `trainable.spec.checks`.

    Raises `WrongRequest` with every mistake: unknown groups, choices and keys, wrong types, broken rules.
    """
    config, mistakes = _compose(overrides)
    mistakes = mistakes or [mistake for check in (run_mistakes, *checks) for mistake in check(config)]
    if mistakes:
        raise WrongRequest(mistakes)
    return config


def parse_overrides(overrides: Sequence[str]) -> tuple[list[Override], list[str]]:
    """Overrides by Hydra's grammar, and a sentence for each that does not parse."""
    parser = OverridesParser.create()
    parsed, mistakes = [], []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            reason = str(error).splitlines()[0]
            mistakes.append(f"'{text}' is not an override of the form key=value: {reason}")
            continue
        if override.is_sweep_override():
            mistakes.append(f"'{text}' names several values; a run takes one, and a sweep's values stand in its search space")
        elif override.is_delete():
            mistakes.append(f"'{text}' deletes a key; every key of a run is needed, set it instead")
        else:
            parsed.append(override)
    return parsed, mistakes


def text_of(override: Override) -> str:
    """The override as it was given."""
    return override.input_line or f"{override.key_or_group}={override.value()}"


def choices(group: str) -> list[str]:
    """The presets of a group, such as ``adamw`` and ``sgd`` for ``optimizer``."""
    return sorted(path.stem for path in (PRESETS / group).glob("*.yaml"))


def known_keys() -> list[str]:
    """Every dotted key of a run."""
    return [f"{group}.{name}" for group, schema in GROUPS.items() for name in schema.__dataclass_fields__]  # type: ignore[attr-defined]


def to_plain(config: RunConfig) -> dict[str, Any]:
    """Nested plain dictionaries, ready for YAML or JSON."""
    groups = {f.name: getattr(config, f.name) for f in fields(config)}
    texts = {name: repr(group) for name, group in groups.items()}
    if any("${" in text for text in texts.values()):  # one group speaks of another
        return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.structured(config), resolve=True))
    return {name: deepcopy(_plain_group(_Group(texts[name], group))) for name, group in groups.items()}


@dataclass(frozen=True)
class _Group:
    """A group of a configuration, told from others by its text: most are the same in every trial of a sweep."""

    text: str
    values: Any = field(compare=False)


@lru_cache(maxsize=256)
def _plain_group(group: _Group) -> dict[str, Any]:
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.structured(group.values)))


def from_plain(values: dict[str, Any]) -> RunConfig:
    """The inverse of `to_plain`; raises `WrongRequest` when a key or type is not ours."""
    try:
        return cast(RunConfig, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RunConfig), values)))
    except OmegaConfBaseException as error:
        raise WrongRequest([f"not a run configuration: {_first_line(error)}"]) from error


def _compose(overrides: Sequence[str]) -> tuple[RunConfig, list[str]]:
    parsed, mistakes = parse_overrides(overrides)
    usable = []
    for override in parsed:
        found = _override_mistakes(override)
        mistakes += found
        usable += [] if found else [override]
    config = deepcopy(_base(tuple(text_of(o) for o in usable if _is_group(o))))
    for override in usable:
        if not _is_group(override):
            mistakes += _lay_over(config, override)
    if mistakes:
        return RunConfig(), mistakes
    try:
        return cast(RunConfig, OmegaConf.to_object(config)), []
    except OmegaConfBaseException as error:
        return RunConfig(), [_first_line(error)]


def _lay_over(config: DictConfig, override: Override) -> list[str]:
    try:
        OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    except OmegaConfBaseException as error:
        return [f"{override.key_or_group}={override.value()!r}: {_first_line(error)}"]
    return []


@lru_cache(maxsize=256)
def _base(group_choices: tuple[str, ...]) -> DictConfig:
    """Hydra's composition of the chosen presets; values are laid over it, so that it is done once for many trials."""
    _register_schemas()
    with _HYDRA_IS_GLOBAL, initialize_config_dir(str(PRESETS), version_base=None):
        return compose("config", overrides=list(group_choices))


@lru_cache
def _register_schemas() -> None:
    store = ConfigStore.instance()
    for group, schema in GROUPS.items():
        store.store(group=group, name="schema", node=schema)
    store.store(name="root_schema", node=RunConfig)


def _is_group(override: Override) -> bool:
    return override.key_or_group in GROUPS


def _override_mistakes(override: Override) -> list[str]:
    key = override.key_or_group
    if key in GROUPS:
        choice = str(override.value())
        known = [name for name in choices(key) if name != "default"] or choices(key)
        return [] if choice in choices(key) else [f"unknown choice '{choice}' for {key}{did_you_mean(choice, known)}"]
    group = key.split(".")[0]
    if group not in GROUPS:
        same_name = [known for known in known_keys() if known.endswith(f".{key}")]
        if same_name:
            return [f"unknown group or key '{key}' (did you mean {' or '.join(repr(known) for known in same_name)}?)"]
        return [unknown("group or key", key, [*GROUPS, *known_keys()])]
    return [] if key in known_keys() else [unknown("key", key, known_keys())]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def overrides_of(values: Iterable[tuple[str, Any]]) -> list[str]:
    """Dotted values as overrides, in Hydra's grammar: ``[("optimizer.lr", 0.001)]`` becomes ``["optimizer.lr=0.001"]``."""
    return [f"{key}={_literal(value)}" for key, value in values]


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_literal(item) for item in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    if _PLAIN_WORD.fullmatch(text):
        return text
    # In Hydra's quoted strings a backslash escapes only a quote, and itself where it stands before one.
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
