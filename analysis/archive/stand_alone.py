"""Rebuilds an archive's figures and tables with the code that the archive carries; copied into it as ``reproduce.py``."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = Path("reproduce") / "sources.tar.gz"


def main() -> int:
    """Of the archive of a paper every sweep in it; exit code 1 when a figure or table is not as archived."""
    bags = [HERE] if (HERE / SOURCES).is_file() else sorted(path.parents[1] for path in HERE.glob(f"*/{SOURCES}"))
    codes = [rebuild(bag) for bag in bags]
    if not codes:
        print(f"{HERE} holds no sweep with {SOURCES}", file=sys.stderr)
    return int(any(codes) or not codes)


def rebuild(bag: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(bag / SOURCES) as tar:
            tar.extractall(folder, filter="data")
        # The working directory comes first on the path, so that the archive's code is the one that runs.
        return subprocess.run([sys.executable, "-m", "analysis.archive.rebuild", str(bag)], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
