"""Writes what stands beside the bags of a paper: manifest, results, citation, crate, scripts, and the sums over all of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.archive.bag import DATE, SWEEP, manifest_name, read_manifest, render_manifest
from analysis.archive.citation import author_names, citation, read_citation
from analysis.archive.contents import contents
from analysis.archive.crate import crate, is_named
from analysis.archive.fingerprint import ALGORITHMS, Fingerprint, fingerprint
from analysis.archive.manifest import final_results, manifest_page, of_content
from analysis.archive.paper_dir import PaperDir
from analysis.archive.reproduction import of_a_paper
from analysis.archive.sources import code_version
from analysis.archive.verify import SEALS
from trainable.spec.atomic_write import write_bytes, write_text


def seal(paper: PaperDir, authors: Sequence[str]) -> None:
    """Everything is computed from the bags, so that sealing again changes nothing; only the citation keeps what a person wrote into it."""
    bags = paper.bags()
    write_text(paper.manifest, manifest_page(paper.path.name, bags))
    write_text(paper.final_results, final_results(paper, bags))
    for name, content in of_a_paper().items():
        write_bytes(paper.path / name, content)
    (paper.path / "reproduce.sh").chmod(0o755)
    cited = _cite(paper, bags, authors)
    described = _prints(paper, [name for name in contents(paper.path, bags).files if name not in _unlisted(paper)])
    write_text(paper.crate, crate(paper.path.name, cited, author_names(cited), bags, described | _of_sweeps(paper, bags)))
    write_sums(paper, list(bags))


def write_sums(paper: PaperDir, bags: Sequence[str]) -> None:
    beside = [name for name in contents(paper.path, bags).files if name not in _sums(paper)]
    prints = _prints(paper, [*beside, *(f"{bag}/{name}" for bag in bags for name in SEALS)])
    for algorithm in ALGORITHMS:
        write_text(paper.sums(algorithm), render_manifest(prints, algorithm))


def _cite(paper: PaperDir, bags: Mapping[str, Mapping[str, str]], authors: Sequence[str]) -> dict[str, Any]:
    before = read_citation(paper.citation.read_text()) if paper.citation.exists() else None
    date = max((info.get(DATE, "") for info in bags.values()), default="")
    sweeps = of_content(bags, SWEEP)
    commit = next((info["Commit"] for info in reversed(list(sweeps.values())) if "Commit" in info), code_version())
    text = citation(paper.path.name, authors, commit, date, before)
    write_text(paper.citation, text)
    return read_citation(text)


def _of_sweeps(paper: PaperDir, bags: Mapping[str, Mapping[str, str]]) -> dict[str, Fingerprint]:
    """The files of sweeps that the crate names, each read once; the bag's manifest is not asked for a size."""
    named: list[str] = []
    for folder in of_content(bags, SWEEP):
        listed = read_manifest((paper.path / folder / manifest_name("sha256")).read_text())
        named += [f"{folder}/{name}" for name in listed if is_named(name)]
    return _prints(paper, named)


def _prints(paper: PaperDir, names: Sequence[str]) -> dict[str, Fingerprint]:
    return {name: fingerprint(paper.path / name) for name in names}


def _sums(paper: PaperDir) -> set[str]:
    return {paper.sums(algorithm).name for algorithm in ALGORITHMS}


def _unlisted(paper: PaperDir) -> set[str]:
    """What the crate cannot describe: itself, and the sums that are made of it."""
    return {paper.crate.name, *_sums(paper)}
