"""The text files of a BagIt bag (RFC 8493), rendered and read: pure."""

import re
from collections.abc import Mapping

from analysis.archive.fingerprint import Fingerprint

BAGIT, BAG_INFO, PAYLOAD = "bagit.txt", "bag-info.txt", "data/"
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
# Labels of ours in bag-info.txt beside the reserved ones of section 2.2.2.
IDENTIFIER, CONTENT, DATE = "External-Identifier", "Content", "Bagging-Date"
RUN, SWEEP = "run", "sweep"

_LINE = re.compile(r"([0-9a-f]+)[ \t]+([^ \t].*)")
_LABEL = re.compile(r"([^:\s][^:]*): ?(.*)")


def manifest_name(algorithm: str, *, of_tags: bool = False) -> str:
    return f"{'tag' if of_tags else ''}manifest-{algorithm}.txt"


def render_manifest(prints: Mapping[str, Fingerprint], algorithm: str) -> str:
    """``<digest>  <path>`` for each file, sorted by path (RFC 8493, section 2.1.3)."""
    return "".join(f"{prints[name].digest(algorithm)}  {_encoded(name)}\n" for name in sorted(prints))


def read_manifest(text: str) -> dict[str, str]:
    """Path to digest. Raises ValueError with the number of a line that is none, or names a path again."""
    digests: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else [], 1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or (name := _decoded(match.group(2))) in digests:
            raise ValueError(f"line {number} is damaged")
        digests[name] = match.group(1)
    return digests


def render_info(info: Mapping[str, str]) -> str:
    """``Label: value`` for each entry in the order given; line breaks in a value become spaces."""
    return "".join(f"{label}: {' '.join(str(value).split())}\n" for label, value in info.items())


def read_info(text: str) -> dict[str, str]:
    """The entries of ``bag-info.txt``; a folded line goes on where the one before ended, a repeated label keeps its last value."""
    info: dict[str, str] = {}
    label = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t") and label:
            info[label] += " " + line.strip()
        elif match := _LABEL.fullmatch(line):
            label = match.group(1)
            info[label] = match.group(2)
    return info


def payload_oxum(prints: Mapping[str, Fingerprint]) -> str:
    """``<bytes>.<files>`` of the payload (section 2.2.2)."""
    return f"{sum(each.size for each in prints.values())}.{len(prints)}"


def _encoded(name: str) -> str:
    """Line breaks and percent signs as section 2.1.3 wants them."""
    return name.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _decoded(name: str) -> str:
    return re.sub("%0A", "\n", re.sub("%0D", "\r", name, flags=re.I), flags=re.I).replace("%25", "%")
