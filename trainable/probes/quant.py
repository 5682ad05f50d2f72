"""Quantisation error of the stored moments: how far one storing rounds them.

For quantised states: m_(t+1) = beta m_t + (1 - beta) g with the next step's own gradient, in float32, minus what the optimizer would
read back of it. For float32 states, which lose nothing: what block-wise 8-bit storing (Dettmers et al. 2022, section 2.1) would round
off of them as they are. Norms are over all tensors together; tensors that stay in float32 add to the norm and nothing to the error.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import sqrt

from torch import Tensor, nn

from trainable.optim.moment_plan import DYNAMIC_8BIT, SMALLEST_QUANTISED, BlockFormat
from trainable.optim.moments import Moment
from trainable.optim.quantised.blockwise import dequantise, quantise
from trainable.probes import probe

UNSIGNED_8BIT = BlockFormat("dynamic 8-bit unsigned", 8, 256)


class Probe(probe.Probe):
    def measure(self, view: probe.View) -> Mapping[str, float | None]:
        """None for a moment that the optimizer does not have, and for the error of one that it factors and does not quantise."""
        moments = view.moments()
        first = {p: found.m for p, found in moments.items() if found.m}
        second = {p: found.v for p, found in moments.items() if found.v}
        whole = {} if any(found.factored for found in moments.values()) else second
        error_m, relative_m = _error(_stored(view, first, DYNAMIC_8BIT, power=1))
        error_v, relative_v = _error(_stored(view, whole, UNSIGNED_8BIT, power=2))
        return {
            "quant/error_m": error_m,
            "quant/error_v": error_v,
            "quant/relative_error_m": relative_m,
            "quant/relative_error_v": relative_v,
            "quant/bits_m": _mean_bits(first.values()),
            "quant/bits_v": _mean_bits(second.values()),
        }


def what_if_8bit(value: Tensor, form: BlockFormat) -> Tensor:
    """`value` as 8-bit blocks over the flattened tensor would give it back; small tensors stay as they are."""
    if value.numel() < SMALLEST_QUANTISED:
        return value
    return dequantise(*quantise(value.flatten(), form), value.numel(), form).view(value.shape)


def _stored(view: probe.View, moments: Mapping[nn.Parameter, Moment], form: BlockFormat, *, power: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each tensor what is stored, and what is read back."""
    if all(moment.kept is None for moment in moments.values()):
        yield from ((moment.value, what_if_8bit(moment.value, form)) for moment in moments.values())
        return
    for parameter, moment in moments.items():
        value = moment.next(view.next_gradient[parameter].float() ** power)
        yield value, moment.kept(value) if moment.kept else value


def _error(pairs: Iterable[tuple[Tensor, Tensor]]) -> tuple[float | None, float | None]:
    """||value - kept|| over all pairs, and relative to ||value||."""
    squares = [((value - kept).square().sum().item(), value.square().sum().item()) for value, kept in pairs]
    error, whole = sum(error for error, _ in squares), sum(whole for _, whole in squares)
    return (sqrt(error), sqrt(error / whole)) if whole > 0 else (None, None)


def _mean_bits(moments: Iterable[Moment]) -> float | None:
    sizes = [(moment.bits, moment.value.numel()) for moment in moments]
    return sum(bits * size for bits, size in sizes) / sum(size for _, size in sizes) if sizes else None
