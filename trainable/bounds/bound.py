"""Bounds on the expected loss of a hypothesis that can be written down in few bits, as pure functions.

Lotfi et al. 2024, "Non-Vacuous Generalization Bounds for Large Language Models" (arXiv:2312.17173): the finite-hypothesis bound with a
Solomonoff prior. With probability 1 - epsilon over n independent parts of the training data, for all hypotheses h at once,

    R(h) <= R^(h) + Delta sqrt((ln(1 / P(h)) + ln(1 / epsilon)) / (2 n)),   ln(1 / P(h)) = C ln 2 for C bits to write h down.

For tokens in place of independent parts the same expression holds by Azuma's inequality (Lotfi et al. 2024b, arXiv:2407.18158).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trainable.bounds.message import choice_bits

ALPHAS = (0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5)
# The best of the grid is told, so the choice is paid for, once.
ALPHA_GRID_BITS = choice_bits(len(ALPHAS))
TOP_K = (*range(1, 11), 50, 100)


@dataclass(frozen=True)
class Evidence:
    """What every bound of one hypothesis shares.

    kl_nats: ln 1 / P(h). units: independent parts n of the training data. samples: how many of them were drawn with
    replacement for the empirical risk, m; None where it is that of all. epsilon: the probability that the bound fails.
    """

    kl_nats: float
    units: int
    samples: int | None
    epsilon: float

    @property
    def complexity(self) -> float:
        """sqrt((KL - ln(r epsilon)) / (2 n)), r = m / (m + n): training data against their distribution; 1 without sampling."""
        share = 1.0 if self.samples is None else self.samples / (self.samples + self.units)
        return math.sqrt((self.kl_nats - math.log(share * self.epsilon)) / (2 * self.units))

    @property
    def sampling(self) -> float:
        """sqrt(-ln((1 - r) epsilon) / (2 m)): the sample against the training data (Hoeffding 1963, theorem 2)."""
        if self.samples is None:
            return 0.0
        share = self.units / (self.samples + self.units)
        return math.sqrt(-math.log(share * self.epsilon) / (2 * self.samples))

    def bound(self, risk: float, width: float) -> float:
        """On the expected loss, for losses in an interval of `width` (Lotfi et al. 2024, the bound with subsampling)."""
        return risk + width * (self.complexity + self.sampling)


def loss_width(alpha: float, vocab_size: int) -> float:
    """Delta = log2(1 + (1 - alpha) V / alpha): bits between the largest and the smallest loss of a smoothed prediction.

    p_alpha(x) = (1 - alpha) p(x) + alpha / V lies between alpha / V and 1 - alpha + alpha / V (Lotfi et al. 2024, prediction smoothing).
    """
    return math.log2(1 + (1 - alpha) * vocab_size / alpha)


def best_alpha(risks: Mapping[float, float], evidence: Evidence, vocab_size: int) -> float:
    """The smoothing with the lowest bound; the larger one of equals."""
    return min(sorted(risks, reverse=True), key=lambda alpha: evidence.bound(risks[alpha], loss_width(alpha, vocab_size)))


def guessing_bits(vocab_size: int) -> float:
    """Loss of a uniform guess: a bound that is not below it is vacuous."""
    return math.log2(vocab_size)
