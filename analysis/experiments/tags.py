"""Runs by their tags: ``paper1``, ``paper:paper1``, ``optimizer:adam8bit``; pure, from the summaries of runs."""

from collections.abc import Iterable, Mapping
from typing import Any

_FROM_CONFIG = {
    "phase": ("experiment", "phase"),
    "model": ("model", "name"),
    "optimizer": ("optimizer", "name"),
    "dataset": ("data", "name"),
    "paper": ("experiment", "paper"),
}


def tags_of(summary: Mapping[str, Any]) -> list[str]:
    """The tags of a run in the protocol's form (section 3.3): its own, and those that follow from its configuration and status."""
    config = summary.get("config")
    config = config if isinstance(config, dict) else {}
    parts = {kind: _at(config, group, name) for kind, (group, name) in _FROM_CONFIG.items()} | {"status": summary.get("status")}
    own = [*_list(summary.get("tags")), *_list(_at(config, "tracking", "tags"))]
    return list(dict.fromkeys([f"{kind}:{value}" for kind, value in parts.items() if value] + [str(tag) for tag in own]))


def has_all(tags: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether each wanted tag is there, by its whole name or by what stands after the colon."""
    known = set(tags) | {tag.partition(":")[2] for tag in tags if ":" in tag}
    return all(tag in known for tag in wanted)


def _at(config: Mapping[str, Any], group: str, name: str) -> Any:
    inner = config.get(group)
    return inner.get(name) if isinstance(inner, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
