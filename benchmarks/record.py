"""``benchmarks/results/NAME-<device>.json``, and the lines that are printed of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Outcome, Ratio
from trainable.spec.atomic_write import write_json

RESULTS = Path(__file__).parent / "results"


def record(name: str, outcome: Outcome, environment: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Writes the result file whole and returns its path; an earlier result of the same benchmark and device is replaced."""
    path = folder / f"{name}-{device_slug(outcome.device)}.json"
    content = {
        "benchmark": name,
        "device": outcome.device,
        "ratios": {key: {**asdict(ratio), "met": ratio.met} for key, ratio in outcome.ratios.items()},
        "measured": dict(outcome.measured),
        "settings": dict(outcome.settings),
        "environment": dict(environment),
    }
    write_json(path, content)
    return path


def device_slug(device: str) -> str:
    """``NVIDIA H200`` -> ``nvidia-h200``."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") or "unknown"


def lines(outcome: Outcome) -> list[str]:
    """One line for each ratio: ``ray over ours (wall time): 31.2x (aim 20x: met)``."""
    return [f"{name}: {_shown(ratio)}" for name, ratio in outcome.ratios.items()]


def _shown(ratio: Ratio) -> str:
    against = f" against {ratio.against}"
    if ratio.value is None:
        return f"not measured{against}: {ratio.note}"
    aim = "" if ratio.aim is None else f" (aim {ratio.aim:g}x: {'met' if ratio.met else 'not met'})"
    return f"{ratio.value:.3g}x{against}{aim}" + (f"; {ratio.note}" if ratio.note else "")
