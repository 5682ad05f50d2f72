from trainable.adapters.entry import Shape
from trainable.adapters.registry import ADAPTERS
from trainable.model.size import linear_shapes, parameter_shapes
from trainable.spec.config import RunConfig


def trained_shapes(config: RunConfig) -> dict[str, Shape]:
    """The parameters that the optimizer gets, by name, without torch: those of the adapter, or of the whole model.

    Raises `WrongRequest` for a model whose shape cannot be had.
    """
    entry = ADAPTERS[config.adapter.name]
    return entry.trainable(config.adapter, parameter_shapes(config.model), linear_shapes(config.model))
