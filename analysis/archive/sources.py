"""The code and the packages at work, as an archive carries them: what figures and tables are rebuilt with, without a network."""

import gzip
import io
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, cast

from analysis.archive.tar import pack
from trainable.spec.code_version import commit

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "transformer-sweeps"
# What `analysis` and `trainable.spec` import: all that rebuilding needs.
DISTRIBUTIONS = (
    "hydra-core",
    "Jinja2",
    "MarkupSafe",
    "matplotlib",
    "numpy",
    "omegaconf",
    "orjson",
    "pandas",
    "pyarrow",
    "PyYAML",
    "rich",
    "scipy",
)
_PACKAGES = ("analysis", "search_spaces", "sweeps", "trainable")
_ENDINGS = frozenset({".css", ".html", ".js", ".py", ".typed", ".yaml"})
_BESIDE = ("CHANGELOG.md", "LICENSE", "Makefile", "README.md", "pyproject.toml", "requirements-frozen.txt")


def packed_sources() -> bytes:
    """A ``.tar.gz`` of the whole project's code; the same code gives the same bytes."""
    found = [path for package in _PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in _ENDINGS and path.is_file()]
    names = [path.relative_to(ROOT).as_posix() for path in [*found, *(ROOT / name for name in _BESIDE if (ROOT / name).is_file())]]
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        pack(cast(Any, stream), ROOT, names, "")
    return buffer.getvalue()


def installed() -> dict[str, str]:
    """Every installed package and its version, by name; without this project itself."""
    found = {each.name: each.version for each in distributions() if each.name and each.name != PROJECT}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def requirements(packages: Mapping[str, str]) -> str:
    """A constraints file of exact versions; local parts such as ``+cpu`` name a build that an index need not have."""
    return "".join(f"{name}=={version.partition('+')[0]}\n" for name, version in sorted(packages.items(), key=lambda item: item[0].lower()))


def code_version() -> str:
    return commit() or "unknown"
