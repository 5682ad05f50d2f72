"""What can be trained in shards on several ranks: pure, no torch."""

from collections.abc import Iterator, Mapping

from trainable.adapters.registry import ADAPTERS
from trainable.optim.registry import OPTIMIZERS
from trainable.spec.config import RunConfig

_INSTEAD = "or resources.parallel=ddp"


def parallel_mistakes(config: RunConfig) -> list[str]:
    """One sentence for each part of a run that needs whole tensors where ``resources.parallel=fsdp`` leaves shards."""
    return list(_shard_mistakes(config)) if config.resources.parallel == "fsdp" else []


def _shard_mistakes(config: RunConfig) -> Iterator[str]:
    optimizer, adapter = OPTIMIZERS.get(config.optimizer.name), ADAPTERS.get(config.adapter.name)
    if optimizer is not None and not optimizer.elementwise:
        fitting = _names({name: entry.elementwise for name, entry in OPTIMIZERS.items()})
        yield (
            f"resources.parallel=fsdp needs an optimizer that moves every number by itself ({fitting}); {config.optimizer.name} looks at"
            f" whole tensors or blocks of them: take one of those, {_INSTEAD}"
        )
    if adapter is not None and not adapter.shards:
        fitting = _names({name: entry.shards for name, entry in ADAPTERS.items()})
        yield f"resources.parallel=fsdp does not go with adapter={config.adapter.name} (but with {fitting}): take one of those, {_INSTEAD}"
    if config.training.probes:
        names = ", ".join(config.training.probes)
        yield f"resources.parallel=fsdp does not go with training.probes ({names}), which look at whole tensors: leave them out, {_INSTEAD}"
    if config.bounds.enabled:
        yield (
            "resources.parallel=fsdp does not go with bounds.enabled=true, which takes whole tensors: measure the bounds afterwards with"
            f" 'python -m trainable.bounds RUN_DIR', {_INSTEAD}"
        )


def _names(fits: Mapping[str, bool]) -> str:
    return ", ".join(name for name, does in fits.items() if does)
