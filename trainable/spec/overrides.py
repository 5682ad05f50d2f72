"""Overrides (``optimizer.lr=3e-4``) as text and as what Hydra's grammar reads in it."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.errors import HydraException

_PLAIN_WORD = re.compile(r"(?!(?i:null|true|false|inf|nan)$)[A-Za-z_][A-Za-z0-9_./-]*")
# A key and a number as Hydra's grammar reads them too, which takes it a hundred times as long.
_NUMBER = re.compile(r"(?P<key>[a-z_]+\.[a-z_0-9]+)=(?P<value>-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?)")


def parse_overrides(overrides: Sequence[str]) -> tuple[list[Override], list[str]]:
    """Overrides by Hydra's grammar, and a sentence for each that does not parse."""
    found = [parsed_override(text) for text in overrides]
    return [o for o in found if not isinstance(o, str)], [mistake for mistake in found if isinstance(mistake, str)]


@lru_cache(maxsize=1024)
def parsed_override(text: str) -> Override | str:
    """The override, or what is wrong with it; most are the same in every trial of a sweep."""
    if number := _NUMBER.fullmatch(text):
        return Override(OverrideType.CHANGE, number["key"], ValueType.ELEMENT, json.loads(number["value"]), input_line=text)
    try:
        override = _parser().parse_override(text)
    except HydraException as error:
        return f"'{text}' is not an override of the form key=value: {str(error).splitlines()[0]}{_quoting(text)}"
    if override.is_sweep_override():
        return f"'{text}' names several values; a run takes one, and a sweep's values stand in its search space"
    if override.is_delete():
        return f"'{text}' deletes a key; every key of a run is needed, set it instead"
    return override


def _quoting(text: str) -> str:
    """How the override would be read, where it is only its value's characters that need quotes, as those of file names may."""
    key, equals, value = text.partition("=")
    quoted = f"{key}={_literal(value)}"
    if not equals or value[:1] in "[{'\"" or isinstance(parsed_override(quoted), str):
        return ""
    return f" (in quotes it is text: {shlex.quote(quoted)})"


@lru_cache
def _parser() -> OverridesParser:
    return OverridesParser.create()


def text_of(override: Override) -> str:
    """The override as it was given."""
    return override.input_line or f"{override.key_or_group}={override.value()}"


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
