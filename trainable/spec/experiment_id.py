"""Experiment ids: ``YYYYMMDD_HHMM_phase-category_description_variant[_seedN]`` (protocol, section 3)."""

import re
from dataclasses import dataclass
from datetime import datetime

PHASES = ("baseline", "quantization", "lowrank", "hybrid", "scaling", "theory")
_ID = re.compile(
    r"(?P<stamp>\d{8}_\d{4})_(?P<phase>[a-z]+)[-_](?P<category>[a-z0-9.]+)_(?P<description>[a-z0-9.]+)_(?P<variant>[a-z0-9.-]+?)(_seed(?P<seed>\d+))?"
)


@dataclass(frozen=True)
class ExperimentId:
    """One run's human name; `started` has minute resolution, `seed` is None for a single-seed experiment."""

    started: datetime
    phase: str
    category: str
    description: str
    variant: str
    seed: int | None = None

    def __str__(self) -> str:
        suffix = "" if self.seed is None else f"_seed{self.seed}"
        name = "_".join([slug(self.description), slug(self.variant, extra="-")])
        return f"{self.started:%Y%m%d_%H%M}_{slug(self.phase)}-{slug(self.category)}_{name}{suffix}"


def parse_experiment_id(text: str) -> ExperimentId:
    """The parts of an id; also reads ``phase_category`` as in the protocol's examples. Raises ValueError for anything else."""
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not an experiment id of the form YYYYMMDD_HHMM_phase-category_description_variant[_seedN]")
    part = match.groupdict()
    started = datetime.strptime(part["stamp"], "%Y%m%d_%H%M")
    seed = None if part["seed"] is None else int(part["seed"])
    return ExperimentId(started, part["phase"], part["category"], part["description"], part["variant"], seed)


def slug(text: str, extra: str = "") -> str:
    """Lower case letters, digits and dots only (and `extra`), so that the parts of an id stay apart: ``gpt2-small`` -> ``gpt2small``."""
    kept = re.sub(rf"[^a-z0-9.{re.escape(extra)}]", "", text.lower()).strip("-")
    return kept or "none"


def value_slug(key: str, value: object) -> str:
    """A varied value as part of an id: ``optimizer.lr``, 3e-4 -> ``lr3e-04`` in its shortest form ``lr3e-4``."""
    name = key.rsplit(".", 1)[-1].replace("_", "")
    if isinstance(value, float):
        mantissa, exponent = f"{value:.3e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{name}{mantissa}e{int(exponent)}"
    return f"{name}{slug(str(value))}"
