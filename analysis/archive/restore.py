"""Restores runs and sweeps from an archive into a results directory, after verifying all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.archive.bag import BAG_INFO, BAGIT, CONTENT, IDENTIFIER, PAYLOAD, RUN, SWEEP, read_info
from analysis.archive.check import check
from analysis.archive.entries import damage_named, entries, is_tar
from analysis.archive.fingerprint import chunks
from analysis.archive.placing import Refused, place, to_write
from analysis.archive.safe_names import unsafe
from analysis.archive.snapshot import Snapshot, inner_name

_FOLDERS = {RUN: "runs", SWEEP: "sweeps"}


@dataclass(frozen=True)
class Restored:
    """`places` are the directories below the target; `files` how many were written, `there` how many were there already."""

    places: list[str]
    files: int
    there: int


def restore(archive: Path, target: Path) -> Restored:
    """Writes ``target/runs/<run>`` and ``target/sweeps/<sweep>``; nothing when the archive does not verify or a file is in the way.

    Raises ValueError for a damaged archive, `Refused` for names that leave the target and for existing files.
    """
    finding = check(archive)
    if finding.faults:
        raise Refused([f"{archive} does not verify", *finding.faults])
    plan = plan_restore(finding.shot)
    wanted = to_write(target, {place_: finding.shot.prints[name].sha256 for name, place_ in plan.items()})
    with damage_named(archive):
        for entry in entries(archive):
            name = inner_name(entry.name) if is_tar(archive) else entry.name
            if entry.stream is not None and plan.get(name) in wanted:
                place(target / plan[name], chunks(entry.stream), finding.shot.prints[name].sha256)
    places = sorted({"/".join(place_.split("/")[:2]) for place_ in plan.values()})
    return Restored(places, len(wanted), len(plan) - len(wanted))


def plan_restore(shot: Snapshot) -> dict[str, str]:
    """Name in the archive to name below the target, runs before sweeps: a sweep is there only when its runs are. Pure.

    Raises `Refused` where a bag does not tell what it holds, or two hold the same.
    """
    bags = {"": shot} if BAGIT in shot.prints else {f"{bag}/": part for bag, part in shot.bags().items()}
    told = {prefix: read_info(bag.texts.get(BAG_INFO, b"").decode(errors="replace")) for prefix, bag in bags.items()}
    homes = {prefix: _home(info) for prefix, info in told.items()}
    nameless = [f"{prefix or 'the bag'} does not tell which run or sweep it holds" for prefix, home in homes.items() if home is None]
    known = [home for home in homes.values() if home is not None]
    twice = [f"{home} is there twice" for home in sorted(set(known)) if known.count(home) > 1]
    if nameless or twice:
        raise Refused([*nameless, *twice])
    ordered = sorted((home, prefix) for prefix, home in homes.items() if home is not None)
    return {
        f"{prefix}{name}": f"{home}/{name.removeprefix(PAYLOAD)}"
        for home, prefix in ordered
        for name in sorted(bags[prefix].prints)
        if name.startswith(PAYLOAD)
    }


def _home(info: Mapping[str, str]) -> str | None:
    folder, name = _FOLDERS.get(info.get(CONTENT, "")), info.get(IDENTIFIER, "")
    return f"{folder}/{name}" if folder and "/" not in name and not unsafe(name) else None
