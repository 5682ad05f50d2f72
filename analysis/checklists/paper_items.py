"""The protocol's lists 9.4 and 12.3 (paper) for an archive: each item one small pure check."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.checklists.item import Finding, Item, fails, for_people, lacking, needs

_SCRIPTS = ("reproduce.sh", "reproduce.py")


@dataclass(frozen=True)
class PaperFacts:
    """`bags` maps each folder to its ``bag-info.txt``, `files` are all files, `faults` what verifying every checksum found."""

    bags: Mapping[str, Mapping[str, str]]
    files: frozenset[str]
    manifest: str
    citation: str
    faults: tuple[str, ...]

    def of(self, content: str) -> list[str]:
        """The bags of one content: run or sweep."""
        return [bag for bag, info in self.bags.items() if info.get("Content") == content]


def _archived(paper: PaperFacts) -> Finding:
    return needs(bool(paper.of("run")) and bool(paper.of("sweep")), "there is no bag of a run, or none of a sweep")


def _manifest(paper: PaperFacts) -> Finding:
    if not paper.manifest:
        return fails("MANIFEST.md is missing")
    return lacking((bag for bag in paper.bags if bag not in paper.manifest), "MANIFEST.md does not name")


def _intact(paper: PaperFacts) -> Finding:
    return lacking(paper.faults, f"{len(paper.faults)} faults")


def _script(paper: PaperFacts) -> Finding:
    return lacking((name for name in _SCRIPTS if name not in paper.files), "missing")


def _environment(paper: PaperFacts) -> Finding:
    return lacking(
        (bag for bag in paper.of("run") if f"{bag}/requirements-frozen.txt" not in paper.files), "without requirements-frozen.txt"
    )


def _instructions(paper: PaperFacts) -> Finding:
    return needs("reproduce" in paper.manifest, "MANIFEST.md does not say how to rebuild the results")


def _rebuilt(paper: PaperFacts) -> Finding:
    """What archiving found when it rebuilt every figure and table."""
    told = {bag: paper.bags[bag].get("Rebuilt", "not tried") for bag in paper.of("sweep")}
    wrong = [f"{bag}: {said}" for bag, said in told.items() if said.startswith("not")]
    return lacking(wrong, "not rebuilt as they were") if told else fails("there is no bag of a sweep")


def _tables(paper: PaperFacts) -> Finding:
    wanted = ["final_results.csv", *(f"{bag}/data/{name}" for bag in paper.of("sweep") for name in ("trials.parquet", "metrics.parquet"))]
    return lacking((name for name in wanted if name not in paper.files), "missing")


def _described(paper: PaperFacts) -> Finding:
    return lacking((name for name in ("CITATION.cff", "ro-crate-metadata.json") if name not in paper.files), "Zenodo and OSF need")


def _license(paper: PaperFacts) -> Finding:
    return needs("LICENSE" in paper.files or "\nlicense:" in paper.citation, "neither a LICENSE file nor a license in CITATION.cff")


PAPER_ITEMS: list[Item[PaperFacts]] = [
    Item("9.4-archived", "All experiments for paper archived", _archived),
    Item("9.4-manifest", "Archive manifest created, naming every experiment", _manifest),
    Item("9.4-intact", "Every archived file as it was (checksums)", _intact),
    Item("9.4-script", "Reproducibility script created", _script),
    Item("9.4-environment", "Environment pinned (requirements-frozen.txt)", _environment),
    Item("9.4-readme", "README with reproduction instructions", _instructions),
    Item("9.4-public", "Code and data uploaded to public repository", lambda _: for_people("see the repository"), required=False),
    Item("9.4-backup", "External backup completed", lambda _: for_people("`python -m analysis backup --dry-run` tells"), required=False),
    Item("12.3-figures", "All figures reproducible from archived experiments", _rebuilt),
    Item("12.3-tables", "All tables regeneratable from saved results", _tables),
    Item(
        "12.3-clean",
        "Reproducibility script tested on clean environment",
        lambda _: for_people("`sh reproduce.sh` on another machine"),
        required=False,
    ),
    Item("12.3-code", "Code published to GitHub (or ready to publish)", lambda _: for_people("see the repository"), required=False),
    Item("12.3-data", "Data and results ready for Zenodo or OSF", _described),
    Item("12.3-readme", "README with instructions", _instructions),
    Item("12.3-license", "License file included", _license, required=False),
]
