"""What may stand at the end of a command line: sweeps, options, ``group=choice``, dotted keys and settings, and their values."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from sweeps import CLUSTER, sweep_names
from sweeps.runner.notify import KINDS
from sweeps.runner.options import option_names
from sweeps.runner.settings import SECTIONS, known_settings
from trainable.spec.compose import choices, known_keys
from trainable.spec.config import GROUPS

_TRAIN = "trainable.train"
_SHORT = ("scheduler", "searcher", "metric", "notify")


def candidates(line: str) -> list[str]:
    """Whole words that the last word of `line` may become, sorted; none where the shell's own file names are wanted."""
    words = line.split()
    last = "" if not words or line[-1].isspace() else words.pop()
    return sorted(word for word in _possible(words, last) if word.startswith(last))


def _possible(before: list[str], last: str) -> Iterable[str]:
    if before and before[-1] == "-m":
        return ["sweeps", _TRAIN, *(f"sweeps.{name}" for name in (*sweep_names(), CLUSTER))]
    if before and before[-1] in ("--watch", "--storage", "--cluster"):
        return []
    program = _program(before)
    if program == "":
        return [*sweep_names(), CLUSTER, "completion", "--watch"]
    if program not in (*sweep_names(), _TRAIN):
        return []
    key, given, _ = last.partition("=")
    of_sweep = program != _TRAIN
    if given:
        return [f"{key}={value}" for value in _values(key, of_sweep)]
    if last.startswith("-"):
        return option_names() if of_sweep else ["--resume"]
    return [f"{name}=" for name in _keys(of_sweep)]


def _program(before: list[str]) -> str | None:
    """The sweep that is called, `_TRAIN`, or "" for the list of sweeps."""
    words = before[before.index("-m") + 1 :] if "-m" in before else before
    if words[:1] == [_TRAIN]:
        return _TRAIN
    name = words[0].rsplit("/", 1)[-1] if words else ""
    if name == "sweeps":
        return words[1] if len(words) > 1 else ""
    return name.removeprefix("sweeps.") if name.startswith("sweeps.") else None


def _keys(of_sweep: bool) -> list[str]:
    return [*GROUPS, *known_keys(), *(known_settings() if of_sweep else []), *(_SHORT if of_sweep else [])]


def _values(key: str, of_sweep: bool) -> list[str]:
    if key in GROUPS:
        return choices(key)
    if of_sweep and key.removesuffix(".name") in ("scheduler", "searcher"):
        return _registered(key.removesuffix(".name"))
    if of_sweep and key == "notify":
        return [f"{kind}:" for kind in KINDS]
    group, _, name = key.partition(".")
    schema = GROUPS.get(group) or (SECTIONS.get(group) if of_sweep else None)
    types: dict[str, Any] = {field.name: field.type for field in fields(schema)} if schema else {}
    return ["true", "false"] if types.get(name) is bool else []


def _registered(what: str) -> list[str]:
    """Loads the registry, which takes a second or more, and only here."""
    if what == "scheduler":
        from sweeps.runner.schedulers.registry import SCHEDULERS

        return list(SCHEDULERS)
    from sweeps.runner.searchers.registry import SEARCHERS

    return list(SEARCHERS)
