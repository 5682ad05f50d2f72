"""Where a result comes from: code, packages, hardware, seeds and command, without secrets."""

import os
import platform
import re
import socket
import sys
from collections.abc import Sequence
from difflib import unified_diff
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil
import torch

from trainable.spec.code_version import commit, git, new_sources

_LARGEST_DIFF = 200_000
_SECRET_NAME = r"[\w-]*(?:api[_-]?key|(?:auth|access|hf|ray|bearer|github)[_-]?token|secret|passw(?:or)?d|credential|private[_-]?key)[\w-]*"
_SECRET = re.compile(rf"(?i)({_SECRET_NAME}['\"]?\s*[=:]\s*['\"]?)[^\s'\",;]+")
_SECRET_FLAG = re.compile(rf"(?i)-+{_SECRET_NAME}")
_KNOWN_SHAPES = re.compile(r"\b(?:hf_\w{20,}|sk-[\w-]{20,}|gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16})\b")
_URL_LOGIN = re.compile(r"(\w+://)[^/\s:@]+:[^/\s@]+@")


@lru_cache
def provenance() -> dict[str, Any]:
    """Plain values for ``provenance.json``; what cannot be found out is None. Gathered once for each process."""
    return {
        "git": {"commit": commit(), "diff": _diff()},
        "command": command_line(sys.argv),
        "python": platform.python_version(),
        "packages": _packages(),
        "hardware": {
            "host": socket.gethostname(),
            "platform": platform.platform(),
            "processor": _processor(),
            "cpus": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
            "cuda": torch.version.cuda,
        },
    }


def _packages() -> dict[str, str]:
    # Reading a distribution's metadata is slow: once for its name and its version.
    found = (distribution.metadata for distribution in distributions())
    return dict(sorted((metadata["Name"], metadata["Version"]) for metadata in found if metadata["Name"]))


def command_line(arguments: Sequence[str]) -> list[str]:
    """The arguments without secrets, also those of the form ``--api-key VALUE``."""
    before = ["", *arguments]
    return ["***" if _SECRET_FLAG.fullmatch(flag) else without_secrets(text) for flag, text in zip(before, arguments, strict=False)]


def without_secrets(text: str) -> str:
    """`text` with the values of keys, secrets and passwords, well-known token shapes, and logins in URLs replaced by ``***``."""
    return _URL_LOGIN.sub(r"\1***@", _KNOWN_SHAPES.sub("***", _SECRET.sub(r"\1***", text)))


def _diff() -> str | None:
    """Everything that the sources have and the commit has not, files among it that git does not know yet."""
    changed, new = git("diff", "HEAD"), new_sources()
    if changed is None or new is None:
        return None
    diff = "\n".join([changed] * bool(changed) + [_as_added(path, text) for path, text in new.items()])
    cut = diff if len(diff) <= _LARGEST_DIFF else diff[:_LARGEST_DIFF] + "\n(cut)\n"
    return without_secrets(cut)


def _as_added(path: str, text: str) -> str:
    return "\n".join(unified_diff([], text.splitlines(), "/dev/null", f"b/{path}", lineterm=""))


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else None
