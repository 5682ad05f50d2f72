"""From overrides to a `RunConfig`: Hydra's grammar and presets, every mistake reported at once."""

import re
import threading
from collections.abc import Callable, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field, fields, make_dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainable.spec.checks import run_mistakes
from trainable.spec.config import GROUPS, RunConfig
from trainable.spec.mistakes import WrongRequest, did_you_mean, unknown
from trainable.spec.overrides import parse_overrides, parsed_override, text_of

PRESETS = Path(__file__).parent / "presets"
Check = Callable[[RunConfig], list[str]]
_REFERENCE = re.compile(r"\$\{(\w+)")
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


def choices(group: str) -> list[str]:
    """The presets of a group, such as ``adamw`` and ``sgd`` for ``optimizer``."""
    return list(_choices(group))


@lru_cache
def _choices(group: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (PRESETS / group).glob("*.yaml")))


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
    schema: type = type(group.values)
    values = vars(group.values)
    if all(_is_of(values[name], kind) for name, kind in _kinds(schema).items()):
        return deepcopy(values)  # as OmegaConf would give them, in a hundredth of the time
    return cast(dict[str, Any], OmegaConf.to_container(OmegaConf.structured(group.values)))


@lru_cache
def _kinds(schema: type) -> dict[str, Any]:
    return get_type_hints(schema)


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is exactly what its schema says, so that nothing is left to convert."""
    if isinstance(kind, UnionType):
        return any(_is_of(value, one) for one in get_args(kind))
    if get_origin(kind) is list:
        return type(value) is list and all(_is_of(item, get_args(kind)[0]) for item in value)
    return type(value) is kind


def from_plain(values: dict[str, Any]) -> RunConfig:
    """The inverse of `to_plain`; raises `WrongRequest` when a key or type is not ours."""
    groups = {name: _group_from_plain(schema, values[name]) for name, schema in GROUPS.items() if name in values}
    if groups.keys() == values.keys() == GROUPS.keys() and None not in groups.values():
        return RunConfig(**groups)
    try:
        return cast(RunConfig, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RunConfig), values)))
    except OmegaConfBaseException as error:
        raise WrongRequest([f"not a run configuration: {_first_line(error)}"]) from error


def _group_from_plain(schema: type, values: Any) -> Any:
    """None for values that OmegaConf has to look at: incomplete, to be converted, or wrong."""
    kinds = _kinds(schema)
    whole = isinstance(values, dict) and values.keys() == kinds.keys() and all(_is_of(values[name], kind) for name, kind in kinds.items())
    return schema(**deepcopy(values)) if whole and "${" not in repr(values) else None


def _compose(overrides: Sequence[str]) -> tuple[RunConfig, list[str]]:
    parsed, mistakes = parse_overrides(overrides)
    usable = []
    for override in parsed:
        found = _override_mistakes(override)
        mistakes += found
        usable += [] if found else [override]
    presets = tuple(text_of(o) for o in usable if o.key_or_group in GROUPS)
    values = tuple(text_of(o) for o in usable if o.key_or_group not in GROUPS)
    if not mistakes:
        try:
            return _in_groups(presets, values), []
        except OmegaConfBaseException:
            """Told by what follows, with all others."""
    config = deepcopy(_base(presets))
    mistakes += [mistake for override in usable if override.key_or_group not in GROUPS for mistake in _lay_over(config, override)]
    if mistakes:
        return RunConfig(), mistakes
    try:
        return cast(RunConfig, OmegaConf.to_object(config)), []
    except OmegaConfBaseException as error:
        return RunConfig(), [_first_line(error)]


def _in_groups(presets: tuple[str, ...], values: tuple[str, ...]) -> RunConfig:
    """Each group by itself: in most trials of a sweep only one or two are not those of another trial."""
    of = {group: _spoken_of(presets, group) for group in GROUPS}
    if any("${" in text for text in values):
        of = dict.fromkeys(GROUPS, frozenset(GROUPS))
    groups = {name: _group(presets, name, tuple(text for text in values if _group_of(text) in of[name])) for name in GROUPS}
    return RunConfig(**{name: copy(group) for name, group in groups.items()})


@lru_cache(maxsize=1024)
def _group(presets: tuple[str, ...], name: str, values: tuple[str, ...]) -> Any:
    """A group of the run with `values` laid over its presets. Raises OmegaConfBaseException for a value that does not fit."""
    overrides = [override for text in values if isinstance(override := parsed_override(text), Override)]
    if all(_group_of(text) == name and "${" not in text for text in values) and _spoken_of(presets, name) == {name}:
        return _laid_over(_preset_object(presets, name), overrides)
    config = deepcopy(_base(presets))
    for override in overrides:
        OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
    return OmegaConf.to_object(config[name])


def _laid_over(preset: Any, overrides: Sequence[Override]) -> Any:
    """A group of plain values; OmegaConf is asked for the changed keys only, and makes them what their schema says."""
    names = tuple(dict.fromkeys(override.key_or_group.split(".")[1] for override in overrides))
    schema: type = type(preset)
    changed = OmegaConf.structured(_part(schema, names)(*(getattr(preset, name) for name in names)))
    for override in overrides:
        OmegaConf.update(changed, override.key_or_group.split(".")[1], override.value(), merge=True)
    return replace(preset, **vars(OmegaConf.to_object(changed)))


@lru_cache
def _part(schema: type, names: tuple[str, ...]) -> type:
    """A schema of some of the keys."""
    hints = get_type_hints(schema)
    return make_dataclass(f"{schema.__name__}Part", [(name, hints[name]) for name in names])


@lru_cache(maxsize=256)
def _preset_object(presets: tuple[str, ...], name: str) -> Any:
    return OmegaConf.to_object(_base(presets)[name])


@lru_cache(maxsize=256)
def _spoken_of(presets: tuple[str, ...], name: str) -> frozenset[str]:
    """The group itself and those whose values its presets take over (``${data.vocab_size}``), and so on."""
    texts = {group: repr(OmegaConf.to_container(node, resolve=False)) for group, node in _base(presets).items()}
    found = {name}
    while more := {group for known in found for group in _REFERENCE.findall(texts[known])} - found:
        found |= more
    return frozenset(found)


def _group_of(text: str) -> str:
    return cast(Override, parsed_override(text)).key_or_group.split(".")[0]


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
