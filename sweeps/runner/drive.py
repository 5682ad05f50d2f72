"""One driver from start to verdict: open the ledger, prepare the data, run what is missing, conclude."""

import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from sweeps.runner.blueprint import Blueprint
from sweeps.runner.cluster.nodes import code_mistakes, living_nodes
from sweeps.runner.conductor import Conductor
from sweeps.runner.endings import RayLost, StorageFailed, mend_summaries, storage_trouble
from sweeps.runner.launch import run_trials, running_ray, terminate_like_interrupt
from sweeps.runner.ledger import Ledger
from sweeps.runner.notify import without_targets
from sweeps.runner.plan import Finished, Limits, next_action, seed_mistakes, wanted_trials
from sweeps.runner.price import plan_of
from sweeps.runner.progress import Progress
from sweeps.runner.schedulers.registry import SCHEDULERS
from sweeps.runner.searchers.mistakes import searcher_remarks
from sweeps.runner.searchers.registry import build_searchers
from sweeps.runner.stated import read_statement
from sweeps.runner.stored_sweep import stored_runs, sweep_folder
from sweeps.runner.tally import Tally
from sweeps.runner.verdict_view import show_conclusion
from trainable.data.checks import model_mistakes
from trainable.data.prepare import prepare
from trainable.data.prepared import verify
from trainable.spec.atomic_write import write_json
from trainable.spec.code_version import OtherCode, code_version, commit
from trainable.spec.ledger import DamagedLedger, TrialRecord, read_events, replay
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, WrongRequest
from trainable.spec.run_dir import runs_dir
from trainable.spec.status import Status
from trainable.spec.sweep_dir import SweepDir, sweeps_dir

if TYPE_CHECKING:
    from sweeps.runner.cluster.watch import ClusterWatch


@dataclass(frozen=True)
class Options:
    """What the command line says about the driver itself."""

    address: str | None = None
    fresh: bool = False
    retry: frozenset[Status] = frozenset({Status.FAILED, Status.INTERRUPTED})
    dashboard: bool = False


def drive(blueprint: Blueprint, options: Options, console: Console) -> int:
    """Runs the sweep and returns the exit code. Raises `WrongRequest` before anything starts."""
    try:
        with terminate_like_interrupt():
            return _drive(blueprint, options, console)
    except (StorageFailed, RayLost, OtherCode) as failed:
        reason = str(failed)
    except OSError as failed:
        reason = str(failed)
        if not storage_trouble(reason):
            raise
    except KeyboardInterrupt:
        console.print("interrupted: everything is kept; the same command continues", style="yellow", soft_wrap=True)
        return EXIT_INTERRUPTED
    console.print(f"stopped: {reason}; what was written is whole, and the same command continues", style="red", soft_wrap=True)
    return EXIT_FAILED


def _drive(blueprint: Blueprint, options: Options, console: Console) -> int:
    sweep_dir = choose_directory(blueprint, fresh=options.fresh)
    try:
        ledger = Ledger(sweep_dir)
    except DamagedLedger as damaged:
        raise WrongRequest([str(damaged)]) from damaged
    try:
        if mistakes := seed_mistakes(blueprint, ledger.state):
            raise WrongRequest(mistakes)
        if sweep_dir.statement.exists():
            read_statement(sweep_dir)
        _prepare_data(blueprint, console)
        _write_statement(blueprint, sweep_dir, ledger)
        _tell_start(blueprint, ledger, sweep_dir, console)
        code = _run_missing(blueprint, ledger, sweep_dir, options, console)
        _write_statement(blueprint, sweep_dir, ledger)
    finally:
        ledger.close()
    show_conclusion(sweep_dir, console)
    return code


def choose_directory(blueprint: Blueprint, *, fresh: bool) -> SweepDir:
    """The newest directory of this sweep and base configuration; with `fresh`, or when there is none, another one."""
    parent = sweeps_dir(blueprint.base.experiment.results_dir)
    names = [blueprint.directory_name]
    while (parent / names[-1]).exists():
        names.append(f"{blueprint.directory_name}-{len(names) + 1}")
    return SweepDir(parent / (names[-1] if fresh or len(names) == 1 else names[-2]))


def _prepare_data(blueprint: Blueprint, console: Console) -> None:
    """Every data set that a known trial reads, and every base that one starts from, once."""

    def report(text: str) -> None:
        console.print(text, style="dim", soft_wrap=True)

    seed = blueprint.settings.explore.seed
    complete = [slot for slot in blueprint.slots if {key for key, _ in slot.grid} >= set(blueprint.sweep.keys)]
    configs = [blueprint.base, *(blueprint.config(dict(slot.grid), seed) for slot in complete)]
    data_sets = [config.data for config in configs]
    for number, data in enumerate(data_sets):
        if data in data_sets[:number]:
            continue
        prepared = prepare(data, report=report)
        model = blueprint.base.model
        found = [*verify(prepared.directory), *model_mistakes(prepared, vocab_size=model.vocab_size, context_length=model.context_length)]
        if found:
            raise WrongRequest(found)
    if any(config.model.pretraining is not None for config in configs):
        from trainable.base_training import prepare_base

        for config in configs:
            prepare_base(config, report)


def _write_statement(blueprint: Blueprint, sweep_dir: SweepDir, ledger: Ledger) -> None:
    """Writes ``sweep.json``; what was stated before and reads otherwise now is kept as an amendment."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    statement = blueprint.statement(now, ledger.state)
    if sweep_dir.statement.exists():
        statement = statement.amending(read_statement(sweep_dir), now)
    write_json(sweep_dir.statement, statement.as_json())


def _tell_start(blueprint: Blueprint, ledger: Ledger, sweep_dir: SweepDir, console: Console) -> None:
    if not console.is_terminal:  # there, the view says it
        console.print(f"[bold]Hypothesis.[/bold] {blueprint.sweep.hypothesis}", soft_wrap=True)
    console.print(f"results in {sweep_dir.path}", style="dim", soft_wrap=True)
    for remark in searcher_remarks(blueprint.settings):
        console.print(f"note: {remark}", style="yellow", soft_wrap=True)
    if ledger.warning:
        console.print(f"warning: {ledger.warning}", style="yellow", soft_wrap=True)
    records = ledger.state.trials
    if records:
        ended = sum(record.status not in (Status.RUNNING, Status.INTERRUPTED, Status.PAUSED) for record in records.values())
        console.print(f"continuing: {ended} of {len(records)} started trials had ended")
    left_out = set(records) - wanted_trials(blueprint, ledger.state)
    if left_out:
        console.print(f"kept: {len(left_out)} trials that the sweep no longer asks for; what was confirmed counts", soft_wrap=True)


def _run_missing(blueprint: Blueprint, ledger: Ledger, sweep_dir: SweepDir, options: Options, console: Console) -> int:
    rule = SCHEDULERS[blueprint.settings.scheduler.name]()
    limits = Limits(options.retry)
    # What an earlier driver left running counts as interrupted only once this one has started; so the event comes first.
    told = {"planned": plan_of(blueprint), "stated": blueprint.statement("", ledger.state).preregistered()}
    ledger.append("driver_started", host=socket.gethostname(), pid=getpid(), command=_command(), commit=commit(), **told)
    runs = runs_dir(blueprint.base.experiment.results_dir).resolve()
    mend_summaries(ledger.state, runs)
    with stored_runs(blueprint.base, sweep_folder(sweep_dir.path.name, ledger.state), runs) as stored:
        if stored:
            stored.bring_missing(ledger.state)
        if isinstance(next_action(Tally(blueprint, ledger.state, limits.retry), rule, limits), Finished):
            ledger.append("driver_ended", status="finished", message="nothing was missing")
            console.print("nothing is missing: every trial of this sweep has ended")
            return EXIT_DONE
        searcher = build_searchers(blueprint.sweep.spaces, blueprint.settings, sweep_dir.optuna_journal, _earlier_trials(blueprint))
        conductor = Conductor(blueprint, ledger, rule, searcher, runs, limits)
        conductor.stored = stored
        return _conduct(conductor, options, console)


def _conduct(conductor: Conductor, options: Options, console: Console) -> int:
    blueprint, ledger = conductor.blueprint, conductor.ledger
    watch = _cluster_watch(blueprint) if options.address else None
    statement = blueprint.statement("", ledger.state)
    start = "starting Ray; the first trials follow in some seconds" if options.address is None else f"joining the Ray at {options.address}"
    console.print(start, style="dim", soft_wrap=True)
    try:
        with running_ray(options.address, dashboard=options.dashboard), Progress(console, statement, ledger.state, watch) as progress:
            if watch:
                _require_same_code(conductor)
            run_trials(conductor, blueprint.base.resources, progress.beat, watch)
    except KeyboardInterrupt:
        return _interrupted(conductor, ledger, console)
    except (RayLost, OtherCode, WrongRequest) as failed:
        conductor.interrupt(str(failed))
        ledger.append("driver_ended", status="failed", message=str(failed))
        raise
    if conductor.finished is None:
        return _interrupted(conductor, ledger, console)
    cut = conductor.finished.cut
    ledger.append("driver_ended", status="finished" if cut is None else "out_of_budget", message=cut)
    if cut:
        console.print(cut, style="yellow", soft_wrap=True)
    return EXIT_DONE


def _cluster_watch(blueprint: Blueprint) -> "ClusterWatch":
    from sweeps.runner.cluster.watch import ClusterWatch

    return ClusterWatch(blueprint.base.resources)


def _require_same_code(conductor: Conductor) -> None:
    """Raises `WrongRequest` for nodes with another project; those that join later are held to it by each trial's start."""
    if found := code_mistakes(living_nodes()):
        raise WrongRequest(found)
    conductor.code = code_version()


def _earlier_trials(blueprint: Blueprint) -> list[TrialRecord]:
    """The trials of the sweeps that the searcher starts from."""
    states = (replay(read_events(SweepDir(Path(text)).ledger)[0]) for text in blueprint.settings.explore.warm_start)
    return [record for state in states for record in state.trials.values()]


def _interrupted(conductor: Conductor, ledger: Ledger, console: Console) -> int:
    conductor.interrupt("interrupted by Ctrl-C or a termination signal")
    if conductor.stored:
        conductor.stored.abandon()
    ledger.append("driver_ended", status="interrupted", message=None)
    console.print("interrupted: everything is kept; the same command continues from the last checkpoints", style="yellow", soft_wrap=True)
    return EXIT_INTERRUPTED


def _command() -> str:
    module = Path(sys.argv[0]).stem
    return " ".join([f"python -m sweeps.{module}", *without_targets(sys.argv[1:])])
