"""The command line of every sweep: ``python -m sweeps.<name> [options] [overrides]``."""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn

from rich.console import Console

from sweeps.runner.blueprint import Blueprint, draw_up
from sweeps.runner.cluster.address import address_mistakes
from sweeps.runner.cluster.offer import Offer, offer_of
from sweeps.runner.cluster.teardown import read_cluster
from sweeps.runner.drive import Options, choose_directory, drive
from sweeps.runner.notify import Target, targets_of, tell
from sweeps.runner.options import RETRYABLE, option_parser
from sweeps.runner.price import price
from sweeps.runner.resources import local_slots, resource_mistakes, worker_mistakes
from sweeps.runner.sweep import Sweep
from sweeps.runner.trial_table import values_text
from sweeps.runner.watch import watch
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, WrongRequest, unknown
from trainable.spec.overrides import overrides_of
from trainable.spec.status import Status
from trainable.spec.storage.place import is_url
from trainable.spec.writable_folder import writable_mistakes
from trainable.tracker.readiness import tracker_mistakes


def main(sweep: Sweep, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the sweep as the command line says and leaves with the exit code of `trainable.spec.mistakes`."""
    given = option_parser(sweep.name, sweep.hypothesis).parse_args(arguments)
    console = Console(highlight=False)
    sys.exit(run_command(lambda: _run(sweep, given, console)))


def _run(sweep: Sweep, given: argparse.Namespace, console: Console) -> int:
    if given.watch:
        return watch(given.watch, console)
    storage = _storage(given.storage) if given.storage else []
    retry = _statuses(given.retry)
    targets, wrong_targets = targets_of(given.overrides)
    blueprint = _draw_up(sweep, [*given.overrides, *storage], wrong_targets)
    mistakes = worker_mistakes(blueprint.base) + ([] if given.address or given.cluster else resource_mistakes(blueprint.base))
    if given.dashboard and find_spec("aiohttp") is None:  # Ray itself would print an error and go on
        mistakes.append("--dashboard needs what pip install 'transformer-sweeps[cluster]' brings")
    if given.cluster and not given.dry_run:
        mistakes.append(f"--cluster {given.cluster} prices a --dry-run; a sweep runs on the cluster with --address auto")
    if given.dry_run:
        if mistakes:
            raise WrongRequest(mistakes)
        _dry_run(blueprint, None if given.cluster is None else offer_of(read_cluster(given.cluster)), console)
        return EXIT_DONE
    mistakes += writable_mistakes(blueprint.base.experiment.results_dir) + _unreachable(blueprint.base.resources.storage)
    mistakes += address_mistakes(given.address) if given.address else tracker_mistakes(blueprint.base.tracking)
    if mistakes:
        raise WrongRequest(mistakes)
    return _drive(blueprint, Options(given.address, given.fresh, retry, given.dashboard), targets, console)


def _storage(text: str) -> list[str]:
    return overrides_of([("resources.storage" if is_url(text) else "experiment.results_dir", text)])


def _unreachable(storage: str | None) -> list[str]:
    """Why runs could not be kept at a storage."""
    if storage is None:
        return []
    from trainable.spec.storage import arrow_store

    return arrow_store.writable_mistakes(storage, "resources.storage")


def _draw_up(sweep: Sweep, overrides: Sequence[str], mistakes: list[str]) -> Blueprint:
    """`draw_up`, with mistakes that were found before."""
    try:
        blueprint = draw_up(sweep, overrides)
    except WrongRequest as wrong:
        raise WrongRequest([*mistakes, *wrong.mistakes]) from wrong
    if mistakes:
        raise WrongRequest(mistakes)
    return blueprint


def _drive(blueprint: Blueprint, options: Options, targets: Sequence[Target], console: Console) -> int:
    """`drive`, and word of its end: also of one that it does not survive, but not of a wrong request, which starts nothing."""
    code = EXIT_FAILED
    try:
        code = drive(blueprint, options, console)
    except WrongRequest:
        targets = ()
        raise
    finally:
        if targets:
            from sweeps.runner.last_word import last_word  # what reads the verdicts takes a second to import

            message = last_word(blueprint.sweep.name, choose_directory(blueprint, fresh=False), code)
            tell(targets, message, lambda text: console.print(f"note: {text}", style="yellow", soft_wrap=True))
    return code


def _statuses(text: str) -> frozenset[Status]:
    names = [name for name in text.split(",") if name]
    wrong = [unknown("status in --retry", name, RETRYABLE) for name in names if name not in RETRYABLE]
    if wrong:
        raise WrongRequest(wrong)
    return frozenset(Status(name) for name in names)


def _price_tag(blueprint: Blueprint, offer: Offer | None, console: Console) -> None:
    """On this machine, or on what a cluster file offers."""
    slots = local_slots(blueprint.base.resources) if offer is None else offer.slots(blueprint.base.resources)
    found = price(blueprint, slots or 1)
    lines = found.lines() + ([] if offer is None else [offer.line(found.seconds if slots else None)])
    for line in lines:
        console.print(line, soft_wrap=True)


def _dry_run(blueprint: Blueprint, offer: Offer | None, console: Console) -> None:
    """Every trial that is known in advance, and the price; `draw_up` has composed and checked each one."""
    console.print(f"[bold]{blueprint.sweep.name}[/bold]: {blueprint.sweep.hypothesis}", soft_wrap=True)
    settings = blueprint.settings
    if settings.explore.enabled:
        console.print(f"explore with {settings.searcher.name} and {settings.scheduler.name}, seed {settings.explore.seed}:")
    else:
        console.print(f"run every cell on seeds {settings.sweep.seeds}:")
    for slot in blueprint.slots:
        cell = values_text(dict(slot.grid)) or f"draw {slot.draw}"
        drawn = sorted(set(blueprint.sweep.keys) - {key for key, _ in slot.grid})
        console.print(f"  {cell}" + (f" ({', '.join(drawn)} by the searcher)" if drawn else ""), soft_wrap=True)
    if settings.explore.enabled:
        per = f" for each {settings.explore.per}" if settings.explore.per else ""
        tuned = "" if blueprint.has_whole_baseline else "the best "
        baseline = f"{tuned}{values_text(blueprint.sweep.baseline)}"
        claimed = "".join(f", {values_text(values)}" for values in blueprint.claimed_cells)
        cells = f"the best {settings.confirm.finalists}{per}{claimed} and {baseline}"
        console.print(f"confirm {cells} on seeds {settings.sweep.seeds}", soft_wrap=True)
    for claim in blueprint.sweep.claims:
        console.print(f"claim: {claim.statement}", soft_wrap=True)
    _price_tag(blueprint, offer, console)
    console.print(f"results  {blueprint.base.experiment.results_dir}/sweeps/{blueprint.directory_name}", soft_wrap=True)
