"""The pages of ``docs/reference``, from the dataclasses, the metric names, the parsers' own help and the modules' docstrings."""

import importlib
import io
import os
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout, suppress
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin
from unittest.mock import patch

import yaml

from analysis.__main__ import main as analysis_main
from analysis.commands.registry import COMMANDS
from sweeps import sweep_names
from sweeps.__main__ import main as list_main
from sweeps.runner.cli import main as sweep_main
from sweeps.runner.cluster.command_line import main as cluster_main
from sweeps.runner.settings import SECTIONS
from tests.docs.code_map import ROOT, clause, files, folders
from trainable.spec.compose import PRESETS, choices, compose_run
from trainable.spec.config import GROUPS
from trainable.spec.metric_names import EVERY_RUN, METRICS

FOLDER = ROOT / "docs" / "reference"
GENERATED = "<!-- Written by `python -m tests.docs`; a test compares. -->\n"
RUN_PROGRAMS = ("train", "data.prepare", "evaluate", "bounds.__main__", "export", "landscape", "profile_memory")
CLUSTER_COMMANDS = ("render", "slurm", "leave", "heed")
_COLUMNS = "100"
_WORDS: dict[Any, str] = {int: "integer", float: "number", str: "text", bool: "true or false", NoneType: "null"}


def _introduction(name: str) -> str:
    return (Path(__file__).parent / "introductions" / f"{name}.md").read_text()


def type_text(annotation: Any) -> str:
    """``list[int] | None`` as ``list of integers or null``."""
    if isinstance(annotation, UnionType):
        return " or ".join(type_text(each) for each in get_args(annotation))
    if get_origin(annotation) is list:
        word = type_text(get_args(annotation)[0])
        return "list of " + ("texts" if word == "text" else f"{word}s")
    return _WORDS[annotation]


def value_text(value: Any) -> str:
    """A value as it is written in an override."""
    if isinstance(value, list | tuple):
        return "[" + ",".join(value_text(each) for each in value) + "]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return '""' if value == "" else str(value)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def key_table(prefix: str, schema: type, default: Callable[[Any], Any]) -> str:
    rows = [
        [f"`{prefix}.{f.name}`", type_text(f.type), f"`{value_text(default(f))}`", f.metadata["unit"], _told(f.metadata["help"])]
        for f in fields(schema)
    ]
    return table(["key", "type", "default", "unit", "meaning"], rows)


def _told(text: str) -> str:
    """Python's None as it is written in an override."""
    return text.replace("None", "null")


def _own_docstring(schema: type) -> str:
    text = schema.__doc__ or ""
    return "" if text.startswith(f"{schema.__name__}(") else f"{_told(text)}\n\n"


def _presets(group: str) -> str:
    shipped = {name: yaml.safe_load((PRESETS / group / f"{name}.yaml").read_text()) for name in choices(group) if name != "default"}
    if not shipped:
        return ""
    rows = [[f"`{group}={name}`", ", ".join(f"`{text}`" for text in _preset_values(values))] for name, values in shipped.items()]
    return "\n" + table(["preset", "sets"], rows)


def _preset_values(values: dict[str, Any], prefix: str = "") -> Iterable[str]:
    for key, value in values.items():
        if key == "defaults":
            yield from (text for each in value if each not in ("schema", "_self_") for text in _starting_from(each))
        elif isinstance(value, dict):
            yield from _preset_values(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={value_text(value)}"


def _starting_from(entry: str | dict[str, str]) -> list[str]:
    """One entry of a preset's list of defaults: another preset of its group, or choices in other groups."""
    if isinstance(entry, str):
        group, _, name = entry.partition("@")[0].strip("/").rpartition("/")
        return [f"{group}={name}"]
    return [f"{group.split()[-1].strip('/')}={choice}" for group, choice in entry.items()]


def configuration() -> str:
    """Every key of a run and of a sweep, with the presets of each group."""
    plain = compose_run([])
    parts = [f"# Configuration\n\n{GENERATED}", _introduction("runs")]
    for group, schema in GROUPS.items():
        section = getattr(plain, group)

        def default(f: Any, section: Any = section) -> Any:
            return f.default if isinstance(f.default, str) and f.default.startswith("${") else getattr(section, f.name)

        parts.append(f"### {group}\n\n{_own_docstring(schema)}{key_table(group, schema, default)}{_presets(group)}")
    parts.append(_introduction("settings"))
    for section, schema in SECTIONS.items():
        stated = schema()
        parts.append(f"### {section}\n\n{_own_docstring(schema)}" + key_table(section, schema, lambda f, of=stated: getattr(of, f.name)))
    return "\n".join(parts)


def metrics() -> str:
    """Every name under which a number is logged."""
    rows = [[f"`{m.name}`", m.unit, m.meaning, "every run" if m.name in EVERY_RUN else ""] for m in METRICS.values()]
    return f"# Metrics\n\n{GENERATED}\n{_introduction('metrics')}\n" + table(["name", "unit", "meaning", "logged by"], rows)


def help_of(main: Callable[..., Any], *arguments: str) -> str:
    """What a program prints for ``--help``."""
    printed = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": _COLUMNS}), redirect_stdout(printed), suppress(SystemExit):
        main([*arguments, "--help"])
    return printed.getvalue()


def commands() -> str:
    """The help of every program, and the exit codes."""
    sweeps = {name: importlib.import_module(f"sweeps.{name}").SWEEP for name in sweep_names()}
    parts = [
        f"# Commands\n\n{GENERATED}",
        _introduction("commands"),
        f"## python -m sweeps\n\n{_block(help_of(list_main))}",
        table(["sweep", "hypothesis"], [[f"`python -m sweeps.{name}`", sweep.hypothesis] for name, sweep in sweeps.items()]),
        f"Every sweep has these options:\n\n{_block(help_of(lambda words: sweep_main(sweeps['lr_ablation'], words)))}",
        f"## python -m sweeps.cluster\n\n{_block(help_of(cluster_main))}",
        *(_block(help_of(cluster_main, name)) for name in CLUSTER_COMMANDS),
    ]
    for name in RUN_PROGRAMS:
        program = importlib.import_module(f"trainable.{name}").main
        parts.append(f"## python -m trainable.{name.removesuffix('.__main__')}\n\n{_block(help_of(program))}")
    parts.append(f"## python -m analysis\n\n{_block(help_of(analysis_main))}")
    parts += [f"### analysis {name}\n\n{_block(help_of(analysis_main, name))}" for name in COMMANDS]
    return "\n".join(parts)


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def code() -> str:
    """Every file of the code with its own first sentence."""
    parts = [f"# Every file of the code\n\n{GENERATED}"]
    for folder in folders():
        rows = [[f"`{path.name}`", clause(path)] for path in files(folder)]
        parts.append(f"## {folder.relative_to(ROOT)}\n\n{clause(folder / '__init__.py')}.\n")
        parts += [table(["file", "what it is"], rows)] if rows else []
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "metrics.md": metrics,
    "commands.md": commands,
    "code.md": code,
}
