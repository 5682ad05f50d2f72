"""A certificate: what is proven about one quantised model, and the numbers that the proof rests on. Pure."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trainable.bounds.bound import ALPHA_GRID_BITS, Evidence, best_alpha, guessing_bits, loss_width
from trainable.bounds.message import Message, choice_bits
from trainable.bounds.risk import Risk


@dataclass(frozen=True)
class Certificate:
    """`units` is n, `samples` m (None: every part was taken), as in `Evidence`; `candidates` are the runs that this one was picked from."""

    message: Message
    risk: Risk
    vocab_size: int
    units: int
    samples: int | None
    epsilon: float
    candidates: int

    @cached_property
    def evidence(self) -> Evidence:
        """Of the bounds in bits per token, of which the best smoothing is told."""
        return self._evidence(ALPHA_GRID_BITS)

    @cached_property
    def alpha(self) -> float:
        return best_alpha(self.risk.bits, self.evidence, self.vocab_size)

    @property
    def misc_extra_bits(self) -> int:
        """What choosing this run, and the best smoothing, costs."""
        return choice_bits(self.candidates) + ALPHA_GRID_BITS

    @property
    def kl_nats(self) -> float:
        return self.evidence.kl_nats

    @property
    def empirical_bits(self) -> float:
        """The risk at the best smoothing, in bits/token."""
        return self.risk.bits[self.alpha]

    @property
    def bound_bits(self) -> float:
        """The bound at the best smoothing, in bits/token."""
        return self.bound_at(self.alpha)

    @property
    def is_vacuous(self) -> bool:
        return self.bound_bits >= guessing_bits(self.vocab_size)

    def bound_at(self, alpha: float) -> float:
        return self.evidence.bound(self.risk.bits[alpha], loss_width(alpha, self.vocab_size))

    def error_bound(self, k: int) -> float:
        """On the share of tokens that are not among the k likeliest; each k's bound holds by itself."""
        return self._evidence(0).bound(self.risk.errors[k], 1.0)

    def units_needed(self) -> int | None:
        """About how many parts would make the bound say something, all else equal; None where no number would."""
        found = [self._units_needed(alpha) for alpha in self.risk.bits]
        return min((units for units in found if units is not None), default=None)

    def metrics(self) -> dict[str, float]:
        """By the names of `trainable.spec.metric_names`, without their prefix."""
        return {
            "kl_divergence": self.kl_nats,
            "empirical_bpd": self.empirical_bits,
            "bound_value": self.bound_bits,
            "compressed_size_bits": self.message.prefix_free_bits,
        }

    def as_plain(self) -> dict[str, Any]:
        """Everything, ready for JSON; bits per token where nothing else is said."""
        return {
            **self.metrics(),
            "vacuous": self.is_vacuous,
            "guessing_bpd": guessing_bits(self.vocab_size),
            "units_needed": self.units_needed() if self.is_vacuous else None,
            "alpha": self.alpha,
            "alphas": [self._at_alpha(alpha) for alpha in self.risk.bits],
            "top_k": [self._at_k(k) for k in self.risk.errors],
            "complexity_term": self.evidence.complexity,
            "sampling_term": self.evidence.sampling,
            "units": self.units,
            "samples": self.samples or self.units,
            "sampled_with_replacement": self.samples is not None,
            "epsilon": self.epsilon,
            "vocab_size": self.vocab_size,
            "coded_numbers": sum(self.message.counts),
            "level_counts": list(self.message.counts),
            "coded_bits": self.message.coded_bits,
            "codebook_bits": self.message.entry_bits * len(self.message.counts),
            "gate_bits": self.message.gate_bits,
            "message_bits": self.message.message_bits,
            "misc_extra_bits": self.misc_extra_bits,
        }

    def _evidence(self, grid_bits: int) -> Evidence:
        bits = self.message.prefix_free_bits + choice_bits(self.candidates) + grid_bits
        return Evidence(bits * math.log(2), self.units, self.samples, self.epsilon)

    def _units_needed(self, alpha: float) -> int | None:
        width = loss_width(alpha, self.vocab_size)
        room = guessing_bits(self.vocab_size) - self.risk.bits[alpha] - width * self.evidence.sampling
        if room <= 0:
            return None
        return math.ceil((self.kl_nats - math.log(self.epsilon)) * width**2 / (2 * room**2))

    def _at_alpha(self, alpha: float) -> dict[str, float]:
        width = loss_width(alpha, self.vocab_size)
        return {"alpha": alpha, "empirical_bpd": self.risk.bits[alpha], "loss_width": width, "bound_bpd": self.bound_at(alpha)}

    def _at_k(self, k: int) -> dict[str, float | bool]:
        guessing, bound = 1 - k / self.vocab_size, self.error_bound(k)
        return {"k": k, "error": self.risk.errors[k], "bound": bound, "guessing": guessing, "vacuous": bound >= guessing}
