"""Where a benchmark ran: what a reader needs to weigh its numbers."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from trainable.spec.code_version import commit, git

_LIBRARIES = ("torch", "ray", "optuna", "numpy", "pandas", "pyarrow", "bitsandbytes", "transformers")


def environment() -> dict[str, Any]:
    """Date, commit, processor and versions; what cannot be found out is None. Call it before measuring: the load is that of others."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "uncommitted_changes": bool(git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads_per_process": os.environ.get("OMP_NUM_THREADS"),
        "load_before": round(os.getloadavg()[0], 2),
        **{library: _version(library) for library in _LIBRARIES},
    }


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
