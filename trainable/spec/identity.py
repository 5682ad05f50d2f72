"""What makes two runs the same: a cell is one configuration, a trial is a cell and a seed."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig

# Keys that change where and how a run is carried out, not what it computes.
NOT_IDENTITY = frozenset(
    "training.seed training.micro_batch_size training.device training.num_threads training.checkpoint_interval "
    "training.keep_checkpoints training.probes training.probe_interval training.cuda_graphs data.root".split()
)
_NOT_IDENTITY_GROUPS = frozenset({"tracking", "experiment", "resources"})
# Keys that came after the first runs: where they are not given, cells keep the names that they had.
_CAME_LATER = frozenset(
    "model.pretraining adapter.intrinsic_dim adapter.projector adapter.projector_seed adapter.allocation adapter.allocation_ratio "
    "adapter.gate_lr".split()
)
HASH_LENGTH = 12


def identity_of(config: RunConfig) -> dict[str, Any]:
    """The part of a configuration that a cell's hash covers."""
    # Bounds that are not measured have no part in a run, whatever their settings say.
    left_out = _NOT_IDENTITY_GROUPS | (frozenset() if config.bounds.enabled else {"bounds"})
    groups = {group: values for group, values in to_plain(config).items() if group not in left_out}
    return {g: {k: v for k, v in values.items() if _counts(f"{g}.{k}", v)} for g, values in groups.items()}


def _counts(key: str, value: Any) -> bool:
    return key not in NOT_IDENTITY and not (value is None and key in _CAME_LATER)


def cell_of(config: RunConfig) -> str:
    """The cell: hash of the resolved configuration without seed, tracking and resources."""
    return content_hash(identity_of(config))


def content_hash(value: Any, length: int = HASH_LENGTH) -> str:
    """First hex digits of the SHA-256 of `value` as canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


@dataclass(frozen=True, order=True)
class TrialKey:
    """A trial's name in ledger, tables and directories: ``<cell>-s<seed>``."""

    cell: str
    seed: int

    def __str__(self) -> str:
        return f"{self.cell}-s{self.seed}"

    @classmethod
    def parse(cls, text: str) -> "TrialKey":
        cell, separator, seed = text.rpartition("-s")
        if not (separator and cell and seed.isdecimal()):
            raise ValueError(f"'{text}' is not a trial key of the form <cell>-s<seed>")
        return cls(cell, int(seed))
