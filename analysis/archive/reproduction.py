"""What lets an archive rebuild itself: ``reproduce.py``, ``reproduce.sh``, the sources and the exact versions of the packages."""

from pathlib import Path

from analysis.archive.sources import DISTRIBUTIONS, installed, packed_sources, requirements

_SCRIPT = Path(__file__).with_name("stand_alone.py")
_OF_A_SWEEP = f"""#!/bin/sh
# Rebuilds every figure and table from the Parquet in an environment of its own, and compares checksums.
#   sh reproduce.sh [FOLDER FOR THE ENVIRONMENT]      PYTHON=python3.11 sh reproduce.sh
set -eu
cd "$(dirname "$0")"
environment="${{1:-$(mktemp -d)}}"
"${{PYTHON:-python3}}" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --constraint reproduce/requirements-frozen.txt \\
    {" ".join(DISTRIBUTIONS)}
exec "$environment/bin/python" reproduce.py
"""
_OF_A_PAPER = """#!/bin/sh
# Rebuilds every figure and table of every sweep, each in the environment that its own archive names.
set -eu
cd "$(dirname "$0")"
failed=0
for script in */reproduce.sh; do
    sh "$script" || failed=1
done
exit "$failed"
"""


def of_a_sweep() -> dict[str, bytes]:
    """Tag files of a sweep's bag, name to content."""
    return {
        "reproduce.py": _SCRIPT.read_bytes(),
        "reproduce.sh": _OF_A_SWEEP.encode(),
        "reproduce/sources.tar.gz": packed_sources(),
        "reproduce/requirements-frozen.txt": requirements(installed()).encode(),
    }


def of_a_paper() -> dict[str, bytes]:
    return {"reproduce.py": _SCRIPT.read_bytes(), "reproduce.sh": _OF_A_PAPER.encode()}
