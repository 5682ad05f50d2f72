"""``CITATION.cff`` (Citation File Format 1.2.0) of a paper's archive: pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

CFF_VERSION = "1.2.0"
_MESSAGE = "If you use these results, please cite them as below."


def citation(paper: str, authors: Sequence[str], commit: str, date: str, before: Mapping[str, Any] | None = None) -> str:
    """`authors` are ``Family, Given``; a name without comma is that of an institution.

    What a person wrote into an earlier file, `before`, stays: its title, authors, licence, identifiers. Where nobody is named, the format
    wants an author, and the paper's collective stands there; nobody is made up.
    """
    entity = [{"name": f"The authors of {paper}"}]
    fields: dict[str, Any] = {
        "cff-version": CFF_VERSION,
        "message": _MESSAGE,
        "type": "dataset",
        "title": f"Results of {paper}: runs, sweeps, tables and figures",
        "authors": entity,
        **(before or {}),
        "date-released": date,
        "commit": commit,
    }
    if authors:
        fields["authors"] = [_author(name) for name in authors]
    return str(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120))


def _author(name: str) -> dict[str, str]:
    family, comma, given = (part.strip() for part in name.partition(","))
    return {"family-names": family, "given-names": given} if comma else {"name": family}


def read_citation(text: str) -> dict[str, Any]:
    """Raises ValueError when it is no mapping, so that what a person wrote is not overwritten."""
    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"CITATION.cff is no YAML: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError("CITATION.cff is no list of fields")
    return {str(name): value for name, value in fields.items()}


def author_names(fields: Mapping[str, Any]) -> list[str]:
    """The authors as one name each, for other forms of metadata."""
    told = [author for author in fields.get("authors") or [] if isinstance(author, dict)]
    return [" ".join(str(author[key]) for key in ("given-names", "family-names", "name") if author.get(key)) for author in told]
