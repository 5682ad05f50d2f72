"""What the bounds of finished runs add to a price: how many tokens each run's model is asked, in tokens of training."""

from dataclasses import dataclass
from math import ceil

from trainable.bounds.windows import default_shift
from trainable.data.prepared import PreparedData, open_prepared
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest

# Asking is the forward pass of a training step, a third of its work.
_ASKING = 1 / 3


@dataclass(frozen=True)
class BoundsPrice:
    """`parts` are documents or sequences, None where their number is that of data that have not been prepared; of `length` tokens each."""

    parts: int | None
    level: str
    length: float
    training_tokens: float

    def line(self, minutes: str) -> str:
        if self.parts is None:
            return f"bounds   not in it: every {self.level} after each finished run, as many as the prepared data will have"
        return f"bounds   about {minutes} of it: {self.parts:,} {self.level}s of about {self.length:,.0f} tokens after each finished run"


def bounds_price(config: RunConfig) -> BoundsPrice | None:
    """Of one run; None without bounds. A document is taken to fill a context until the data have been prepared."""
    bounds, context_length = config.bounds, config.model.context_length
    if not bounds.enabled:
        return None
    level = "document" if bounds.level_of_independence == "document" else "sequence"
    data = _prepared(config)
    length = float(context_length)
    parts = bounds.samples
    if data is not None:
        counts = data.manifest["splits"]["train"]
        # Its own end is not predicted.
        length = counts["tokens"] / counts["documents"] - 1 if level == "document" else length
        parts = min(parts or counts["documents"], counts["documents"]) if level == "document" else parts
    shift = bounds.window_shift or default_shift(context_length)
    windows = 1 + max(0, ceil((length - context_length) / shift))
    asked = (parts or 0) * windows * min(length, context_length) * _ASKING
    tuned = bounds.quantisation_aware_steps * config.training.batch_size * context_length
    return BoundsPrice(parts, level, length, asked + tuned)


def _prepared(config: RunConfig) -> PreparedData | None:
    try:
        return open_prepared(config.data)
    except WrongRequest:
        return None
