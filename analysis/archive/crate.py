"""``ro-crate-metadata.json`` (RO-Crate 1.1): what Zenodo and others read to understand an archive. Pure."""

import json
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.archive.bag import IDENTIFIER, PAYLOAD
from analysis.archive.fingerprint import Fingerprint
from analysis.archive.rebuild import FOLDERS

_PROFILE = "https://w3id.org/ro/crate/1.1"
_OTHER_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".jsonl": "application/jsonl",
    ".cff": "application/yaml",
    ".md": "text/markdown",
}
_LICENSE = {"Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0", "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/"}
# Of a sweep's bag the crate names these one by one; a bag's own manifest has the rest.
_NAMED = ("sweep.json", "ledger.jsonl", "trials.parquet", "metrics.parquet", "RESULTS.md", "report.html")


def crate(
    paper: str, citation: Mapping[str, Any], authors: Sequence[str], bags: Mapping[str, Mapping[str, str]], files: Mapping[str, Fingerprint]
) -> str:
    """`files` are those beside the bags and those of sweeps that are worth naming, by name relative to the archive."""
    people = [{"@id": f"#author-{number}", "@type": "Person", "name": name} for number, name in enumerate(authors, 1)]
    license_ = str(citation.get("license") or "")
    parts = [{"@id": name} for name in files] + [{"@id": f"{folder}/"} for folder in bags]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": citation.get("title", paper),
        "description": citation.get("abstract") or f"Archive of {paper}: one BagIt bag for each run and each sweep; see MANIFEST.md",
        "identifier": citation.get("doi") or paper,
        "datePublished": str(citation["date-released"]),
        "license": {"@id": _LICENSE.get(license_, license_)} if license_ else "no licence was given",
        "author": [{"@id": person["@id"]} for person in people],
        "hasPart": parts,
    }
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": _PROFILE},
        "about": {"@id": "./"},
    }
    graph = [descriptor, root, *people, *(_bag(folder, info) for folder, info in bags.items()), *(_file(*item) for item in files.items())]
    if license_:
        graph.append({"@id": _LICENSE.get(license_, license_), "@type": "CreativeWork", "name": license_})
    return json.dumps({"@context": f"{_PROFILE}/context", "@graph": graph}, indent=2, ensure_ascii=False) + "\n"


def is_named(name: str) -> bool:
    """Whether a file of a sweep's bag has an entry of its own: statement, ledger, tables, figures and pages."""
    inner = name.removeprefix(PAYLOAD)
    return inner != name and (inner in _NAMED or inner.startswith(FOLDERS))


def _bag(folder: str, info: Mapping[str, str]) -> dict[str, Any]:
    return {
        "@id": f"{folder}/",
        "@type": "Dataset",
        "name": folder,
        "identifier": info.get(IDENTIFIER, folder),
        "description": info.get("External-Description", ""),
        "conformsTo": {"@id": "https://www.rfc-editor.org/rfc/rfc8493"},
    }


def _file(name: str, print_: Fingerprint) -> dict[str, Any]:
    ending = name[name.rfind(".") :]
    kind = _OTHER_TYPES.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    described = {"@id": name, "@type": "File", "name": name.rpartition("/")[2], "contentSize": str(print_.size)}
    return {**described, "encodingFormat": kind, "sha256": print_.sha256}
