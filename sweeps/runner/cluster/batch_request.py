"""What a batch script is asked for, checked as a whole: a job that is refused only when it runs has waited for nothing."""

import argparse
import importlib
import re

from sweeps import sweep_names
from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.cluster.slurm import WARNING_SECONDS, Batch
from sweeps.runner.cluster.time_limit import GRAMMAR, limit_seconds
from sweeps.runner.notify import targets_of
from sweeps.runner.options import option_names, option_parser
from sweeps.runner.resources import gpu_count, worker_mistakes
from trainable.spec.mistakes import WrongRequest, unknown

_NAME = re.compile(r"[\w.,@+-]+", re.ASCII)
# SLURM sends its signal up to a minute early, and Ray needs its time to start.
_SHORTEST_SECONDS = WARNING_SECONDS + 180


def requested_batch(given: argparse.Namespace) -> Batch:
    """Raises `WrongRequest` with every mistake, those of the sweep's own arguments included."""
    found: list[str] = []
    batch = Batch(
        given.sweep,
        nodes=_number("nodes", given.nodes, 1, found),
        gpus=_number("gpus", given.gpus, 0, found),
        cpus=_number("cpus", given.cpus, 1, found),
        time_limit=given.time_limit,
        partition=given.partition,
        account=given.account,
        environment=given.environment,
        arguments=given.arguments,
    )
    found += _limit_mistakes(given.time_limit) + _name_mistakes(given)
    found += _sweep_mistakes(batch)
    if found:
        raise WrongRequest(found)
    return batch


def _number(name: str, text: str, least: int, found: list[str]) -> int:
    """A wrong one counts as its least value for the further checks."""
    if re.fullmatch(r"\d+", text, re.ASCII) and int(text) >= least:
        return int(text)
    found.append(f"--{name} {text}: a whole number, at least {least}")
    return least


def _limit_mistakes(text: str) -> list[str]:
    seconds = limit_seconds(text)
    if seconds is None:
        return [f"--time-limit {text}: SLURM takes {GRAMMAR}"]
    if seconds < _SHORTEST_SECONDS:
        return [
            f"--time-limit {text}: at least {_SHORTEST_SECONDS // 60} minutes, or the job would be queued again before it has done anything"
        ]
    return []


def _name_mistakes(given: argparse.Namespace) -> list[str]:
    names = {"partition": given.partition, "account": given.account}
    return [
        f"--{option} {name!r}: a name of letters, digits and . , @ + - _"
        for option, name in names.items()
        if name is not None and not _NAME.fullmatch(name)
    ]


def _sweep_mistakes(batch: Batch) -> list[str]:
    if batch.sweep not in sweep_names():
        return [unknown("sweep", batch.sweep, sweep_names())]
    given, further = option_parser(batch.sweep, "").parse_known_args(batch.arguments)
    found = [_stray(word) for word in further]
    if given.address is not None:
        found.append("--address is the script's own: it starts the Ray that the sweep runs on")
    found += targets_of(given.overrides)[1]
    try:
        blueprint = draw_up(importlib.import_module(f"sweeps.{batch.sweep}").SWEEP, given.overrides)
    except WrongRequest as wrong:
        return [*found, *wrong.mistakes]
    return [*found, *worker_mistakes(blueprint.base), *_room_mistakes(batch, blueprint)]


def _room_mistakes(batch: Batch, blueprint: Blueprint) -> list[str]:
    """A trial that no allocation of this form has room for would wait until the time limit."""
    resources = blueprint.base.resources
    asked = {"cpus": (resources.cpus_per_trial, batch.cpus), "gpus": (gpu_count(resources), batch.gpus)}
    return [
        f"resources.{name}_per_trial={per_trial:g} is more than --nodes {batch.nodes} with --{name} {per_node} have"
        for name, (per_trial, per_node) in asked.items()
        if per_trial > batch.nodes * per_node
    ]


def _stray(word: str) -> str:
    if word.startswith("-"):
        return unknown("option", word.partition("=")[0], option_names())
    return f"stray argument '{word}': overrides stand together, before or after all options"
