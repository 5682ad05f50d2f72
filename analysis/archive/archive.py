"""Archives a sweep under a paper: its runs and itself become bags, everything is sealed, and only then may the source go."""

import fcntl
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from analysis.archive.bag import CONTENT, IDENTIFIER, PAYLOAD, RUN, SWEEP, manifest_name, read_manifest
from analysis.archive.bag_writer import put_in_order, write_bag
from analysis.archive.check import check
from analysis.archive.contents import contents
from analysis.archive.filings import CHECKPOINTS, SHOWN_IN, file_run, file_sweep
from analysis.archive.fingerprint import fingerprint
from analysis.archive.paper_dir import PaperDir
from analysis.archive.plan import Action, Decision, is_changed, plan_runs
from analysis.archive.seal import seal
from analysis.load import Sweep, Trial, load_sweep
from analysis.report.conclusion import conclude
from trainable.spec.sweep_dir import SweepDir


@dataclass(frozen=True)
class Order:
    """What is asked for; `shown_in` is None to leave what the manifest says, `today` an ISO date."""

    sweep: SweepDir
    paper: PaperDir
    today: str
    checkpoints: bool = True
    move: bool = False
    shown_in: str | None = None
    authors: Sequence[str] = ()


@dataclass
class Done:
    """`missing` are runs that the ledger knows and nobody has; `removed` the directories that went with ``--move``."""

    decisions: list[Decision]
    missing: list[str]
    left_out: list[str] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)


def archive(order: Order) -> Done:
    """Raises ValueError when a driver is at work on the sweep, when source and copy differ, or when the archive does not verify."""
    order.paper.path.mkdir(parents=True, exist_ok=True)
    beside = order.paper.path.with_name(f".{order.paper.path.name}.lock")
    with _alone(beside, "somebody else is archiving into this paper"), _alone(order.sweep.lock, "a driver is at work on the sweep"):
        put_in_order(order.paper.path)
        sweep = load_sweep(order.sweep)
        there = {trial.run_dir.experiment_id: trial for trial in sweep.trials if trial.run_dir.path.is_dir()}
        if len(there) == len(sweep.trials) or not order.sweep.trials.exists():
            conclude(order.sweep, hash_checkpoints=True)
        done = _archive_runs(order, sweep, there)
        done.decisions.append(_archive_sweep(order, sweep))
        seal(order.paper, order.authors)
        if order.move:
            done.removed = _remove_sources(order, [trial.run_dir.path for trial in there.values()])
    return done


def _archive_runs(order: Order, sweep: Sweep, there: Mapping[str, Trial]) -> Done:
    without = () if order.checkpoints else (CHECKPOINTS,)
    held = _held(order.paper, RUN)
    started = [record.run_id for record in sweep.state.trials.values()]
    changed = [run for run in there if run in held and _differs(order.paper, held[run], there[run].run_dir.path, without)]
    decisions = plan_runs(held, changed, [run for run in started if run in there])
    done = Done(decisions, [run for run in started if run not in there and run not in held])
    for decision in decisions:
        if decision.action != Action.KEPT:
            filing = file_run(sweep, there[decision.identifier], without, order.today)
            write_bag(order.paper.path / decision.folder, filing)
            done.left_out += [f"{decision.folder}: {each}" for each in contents(filing.source, without).left_out]
    return done


def _archive_sweep(order: Order, sweep: Sweep) -> Decision:
    """The bag of the sweep itself, when it is not there or says something else by now."""
    identifier = order.sweep.path.name
    folder = f"sweep_{identifier}"
    before = _held(order.paper, SWEEP).get(identifier)
    shown_before = order.paper.bags()[before].get(SHOWN_IN, "") if before else ""
    shown_in = shown_before if order.shown_in is None else order.shown_in
    if before and shown_in == shown_before and not _differs(order.paper, before, order.sweep.path, ()):
        return Decision(identifier, before, Action.KEPT)
    write_bag(order.paper.path / folder, file_sweep(sweep, shown_in, order.today))
    return Decision(identifier, folder, Action.REPLACED if before else Action.NEW)


def _held(paper: PaperDir, content: str) -> dict[str, str]:
    """Identifier of each bag of one kind to its folder."""
    return {info[IDENTIFIER]: folder for folder, info in paper.bags().items() if info.get(CONTENT) == content}


def _differs(paper: PaperDir, folder: str, source: Path, without: Sequence[str]) -> bool:
    archived = read_manifest((paper.path / folder / manifest_name("sha256")).read_text())
    now = {PAYLOAD + name: fingerprint(source / name).sha256 for name in contents(source, without).files}
    return is_changed(now, archived)


def _remove_sources(order: Order, runs: Sequence[Path]) -> list[Path]:
    """Only what the archive has, after reading all of it back; the sweep goes last, so that an interrupted move can be taken up again."""
    if faults := check(order.paper.path).faults:
        raise ValueError(f"{order.paper.path} does not verify, so nothing was removed: {'; '.join(faults)}")
    folders = _held(order.paper, RUN) | _held(order.paper, SWEEP)
    removed = []
    for source in [*runs, order.sweep.path]:
        if _differs(order.paper, folders[source.name], source, ()):
            raise ValueError(f"{source} has changed since it was archived and was not removed; archive it again")
        shutil.rmtree(source)
        removed.append(source.resolve())
    return removed


@contextmanager
def _alone(lock: Path, otherwise: str) -> Iterator[None]:
    """Holds the lock that drivers hold as well; it dies with its holder."""
    with open(lock, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{otherwise} ({lock})") from None
        yield
