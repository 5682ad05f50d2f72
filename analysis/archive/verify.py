"""Whether an archive is what its manifests say: every altered, missing, extra and renamed file by name. Pure, on a snapshot."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from analysis.archive.bag import BAGIT, PAYLOAD, manifest_name, read_manifest
from analysis.archive.fingerprint import ALGORITHMS, Fingerprint
from analysis.archive.paper_dir import sums_name
from analysis.archive.snapshot import Snapshot

_DECLARATION = re.compile(rb"BagIt-Version: (0\.97|1\.0)\r?\nTag-File-Character-Encoding: UTF-8(\r?\n)?")
_SUMS = tuple(sums_name(algorithm) for algorithm in ALGORITHMS)
# The files of a bag that its paper lists; the last two list everything else in it.
SEALS = (BAGIT, *(manifest_name(algorithm, of_tags=True) for algorithm in ALGORITHMS))

WANTED = f"neither {BAGIT} (a bag) nor {_SUMS[0]} (the archive of a paper) is there"


class NoArchive(ValueError):
    """There is neither a bag nor a paper's archive to verify."""


def holds_archive(folder: Path) -> bool:
    """Whether there is something to verify, found out without reading it."""
    return any((folder / name).is_file() for name in (BAGIT, *_SUMS)) or any(folder.glob(f"*/{BAGIT}"))


def faults_of(shot: Snapshot) -> list[str]:
    """One sentence for each fault; empty when everything is there as it was written. Raises `NoArchive`."""
    if BAGIT in shot.prints:
        return [*shot.strange, *_faults_of_bag(shot)]
    if not any(name in shot.prints for name in _SUMS) and not shot.bags():
        raise NoArchive(WANTED)
    return [*shot.strange, *_faults_of_paper(shot)]


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Compares digests by name: what is altered, renamed, missing and extra, each sorted by name."""
    altered = [f"altered: {name}" for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]]
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    renamed: dict[str, str] = {}
    for name in extra:
        before = next((old for old in missing if old not in renamed and expected[old] == found[name]), None)
        if before is not None:
            renamed[before] = name
    return [
        *altered,
        *(f"renamed: {old} is now {new}" for old, new in sorted(renamed.items())),
        *(f"missing: {name}" for name in missing if name not in renamed),
        *(f"extra: {name}" for name in extra if name not in renamed.values()),
    ]


def _faults_of_paper(shot: Snapshot) -> list[str]:
    bags = _bags(shot)
    lists = {algorithm: sums_name(algorithm) for algorithm in ALGORITHMS}
    faults = _faults_of_lists(shot, lists, {name: each for name, each in shot.prints.items() if _is_sealed(name, bags)})
    return faults + [f"{bag}/: {fault}" for bag, part in shot.bags().items() for fault in _faults_of_bag(part)]


def _bags(shot: Snapshot) -> set[str]:
    """Every folder that is a bag or that the sums name as one, though it is gone or has lost its declaration."""
    listed = [name for sums in _SUMS for name in _digests(shot.texts.get(sums, b""))[0] or {}]
    return {*shot.bags(), *(name.removesuffix(f"/{BAGIT}") for name in listed if name.endswith(f"/{BAGIT}"))}


def _is_sealed(name: str, bags: Collection[str]) -> bool:
    """Whether the sums of the paper answer for this file, and not the manifests of a bag."""
    folder, _, inner = name.partition("/")
    return name not in _SUMS and (folder not in bags or inner in SEALS)


def _faults_of_bag(shot: Snapshot) -> list[str]:
    declared = _DECLARATION.fullmatch(shot.texts.get(BAGIT, b""))
    manifests = {algorithm: manifest_name(algorithm) for algorithm in ALGORITHMS if manifest_name(algorithm) in shot.prints}
    manifests = manifests or {ALGORITHMS[0]: manifest_name(ALGORITHMS[0])}
    of_tags = {algorithm: manifest_name(algorithm, of_tags=True) for algorithm in manifests}
    payload = {name: each for name, each in shot.prints.items() if name.startswith(PAYLOAD)}
    tags = {name: each for name, each in shot.prints.items() if name not in payload and name not in SEALS[1:]}
    return [
        *([] if declared else [f"{BAGIT} is damaged: it declares no known version of BagIt"]),
        *_faults_of_lists(shot, of_tags, tags),
        *_faults_of_lists(shot, manifests, payload),
    ]


def _faults_of_lists(shot: Snapshot, lists: Mapping[str, str], found: Mapping[str, Fingerprint]) -> list[str]:
    """Compares `found` with one list for each algorithm; a list that is alone in what it says is itself the damaged file."""
    faults, told = list[str](), dict[str, list[str]]()
    for algorithm, name in lists.items():
        if name not in shot.prints:
            faults.append(f"missing: {name}")
            continue
        digests, damage = _digests(shot.texts[name])
        if digests is None:
            faults.append(f"{name} is damaged: {damage}")
        else:
            told[name] = differences(digests, {each: print_.digest(algorithm) for each, print_ in found.items()})
    witnesses = Counter(fault for those in told.values() for fault in those)
    faults += [fault for fault, count in witnesses.items() if count == len(told)]
    for name, those in told.items():
        alone = [fault for fault in those if witnesses[fault] < len(told)]
        faults += [f"{name} is damaged: the other list does not confirm '{fault}'" for fault in alone]
    return faults


def _digests(text: bytes) -> tuple[dict[str, str] | None, str]:
    try:
        return read_manifest(text.decode()), ""
    except UnicodeDecodeError:
        return None, "it is no UTF-8 text"
    except ValueError as error:
        return None, str(error)
