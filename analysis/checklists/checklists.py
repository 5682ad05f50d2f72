"""Goes through the lists for a run, a sweep or an archive, and says what was found."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from analysis.archive.bag import BAGIT
from analysis.archive.check import check
from analysis.archive.paper_dir import PaperDir
from analysis.checklists.item import Outcome, Result, checked, checked_over
from analysis.checklists.paper_items import PAPER_ITEMS, PaperFacts
from analysis.checklists.run_facts import RunFacts, read_run
from analysis.checklists.run_items import RUN_ITEMS, SINGLE_RUN_ITEMS
from analysis.checklists.sweep_items import SWEEP_ITEMS, read_sweep
from analysis.load import is_run, is_sweep
from analysis.report.gather import gather
from trainable.spec.sweep_dir import SweepDir

_SECTIONS = {
    "9.1": "9.1 Before running",
    "9.2": "9.2 During the experiment",
    "9.3": "9.3 After the experiment",
    "9.4": "9.4 For paper submission",
    "12.2": "12.2 Experiment review",
    "12.3": "12.3 Paper preparation",
}
_MARKS = {Outcome.HOLDS: "✓", Outcome.FAILS: "✗", Outcome.FOR_PEOPLE: "?", Outcome.NOT_HERE: "–"}
_THREADS = 8


def is_archive(path: Path) -> bool:
    """Whether it is the folder of a paper: bags, or what lists them."""
    paper = PaperDir(path)
    return paper.manifest.is_file() or any(path.glob(f"*/{BAGIT}"))


def results_of(path: Path) -> list[Result]:
    """Every item that applies to what lies at `path`. Raises ValueError when that is neither run nor sweep nor archive."""
    if is_sweep(path):
        return _of_sweep(path)
    if is_archive(path):
        return _of_archive(path)
    if is_run(path):
        return checked(SINGLE_RUN_ITEMS, read_run(path))
    raise ValueError(f"'{path}' is no run, no sweep and no archive")


def _of_sweep(path: Path) -> list[Result]:
    evidence = gather(SweepDir(path))
    runs = _read(trial.run_dir.path for trial in evidence.sweep.trials)
    return _in_order([*checked(SWEEP_ITEMS, read_sweep(evidence)), *checked_over(RUN_ITEMS, runs)])


def _of_archive(path: Path) -> list[Result]:
    paper = PaperDir(path)
    found = check(path)
    facts = PaperFacts(
        bags=paper.bags(),
        files=frozenset(found.shot.prints),
        manifest=_text(paper.manifest),
        citation=_text(paper.citation),
        faults=tuple(found.faults),
    )
    folders = [path / bag / "data" for bag in facts.of("run")]
    bare = not any(folder.joinpath("checkpoints").is_dir() for folder in folders)
    runs = {folder.parent.name: read_run(folder, without_checkpoints=bare) for folder in folders}
    return _in_order([*checked(PAPER_ITEMS, facts), *checked_over(RUN_ITEMS, runs)])


def _read(folders: Iterable[Path]) -> dict[str, RunFacts]:
    known = list(folders)
    with ThreadPoolExecutor(_THREADS) as pool:
        return {folder.name: facts for folder, facts in zip(known, pool.map(read_run, known), strict=True)}


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def _in_order(results: Sequence[Result]) -> list[Result]:
    return sorted(results, key=lambda result: [int(part) for part in section_of(result).split(".")])


def section_of(result: Result) -> str:
    return result.id.split("-", 1)[0]


def as_text(path: Path, results: Sequence[Result]) -> str:
    """The lists with a mark for each item, and the count at the end."""
    lines = [str(path)]
    width = max(len(result.id) for result in results)
    section = ""
    for result in results:
        if section_of(result) != section:
            section = section_of(result)
            lines += ["", _SECTIONS[section]]
        reason = f": {result.finding.reason}" if result.finding.reason else ""
        wish = " (not required)" if not result.required and result.finding.outcome == Outcome.FAILS else ""
        lines.append(f"  {_MARKS[result.finding.outcome]} {result.id.ljust(width)}  {result.text}{wish}{reason}")
    return "\n".join([*lines, "", _count(results)])


def _count(results: Sequence[Result]) -> str:
    by_outcome = {outcome: [result for result in results if result.finding.outcome == outcome] for outcome in Outcome}
    failed = by_outcome[Outcome.FAILS]
    required = sum(result.required for result in failed)
    return (
        f"{len(by_outcome[Outcome.HOLDS])} of {len(results)} items hold, {len(failed)} do not ({required} of them required), "
        f"{len(by_outcome[Outcome.FOR_PEOPLE])} are for people, {len(by_outcome[Outcome.NOT_HERE])} do not apply"
    )
