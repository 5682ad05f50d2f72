import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.bounds.bound import ALPHA_GRID_BITS, ALPHAS, Evidence, best_alpha, guessing_bits, loss_width
from trainable.bounds.message import choice_bits, prefix_free_bits

DOCUMENTS, SAMPLES, VOCABULARY = 8_009_762, 10_000, 50_257
MISC_BITS = 7


def published(prefix_bits: float) -> Evidence:
    return Evidence((prefix_bits + MISC_BITS) * math.log(2), DOCUMENTS, SAMPLES, 0.05)


@pytest.mark.parametrize(
    ("prefix_bits", "alpha", "expected"),
    [(3_035, 0.5, 11.371), (3_035, 0.1, 11.446), (5_819, 0.5, 11.439), (120_000, 0.5, 12.317), (120_000, 0.1, 12.584)],
)
def test_the_published_regime(prefix_bits: float, alpha: float, expected: float) -> None:
    assert published(prefix_bits).bound(11, loss_width(alpha, VOCABULARY)) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("alpha", "width"), [(0.5, 15.617), (0.25, 17.202), (0.1, 18.787), (0.05, 19.865), (0.01, 22.246), (0.001, 25.58), (0.0001, 28.90)]
)
def test_the_width_of_the_smoothed_loss(alpha: float, width: float) -> None:
    assert loss_width(alpha, VOCABULARY) == pytest.approx(width, abs=6e-3 if alpha < 0.01 else 6e-4)
    worst, best = -math.log2(alpha / VOCABULARY), -math.log2(1 - alpha + alpha / VOCABULARY)
    assert loss_width(alpha, VOCABULARY) == pytest.approx(worst - best, rel=1e-12)


def test_subsampling_costs_more_than_doubling_the_dimensions() -> None:
    assert published(3_035).sampling == pytest.approx(0.01224, abs=5e-6)
    width = loss_width(0.5, VOCABULARY)
    assert published(5_819).bound(11, width) - published(3_035).bound(11, width) < width * published(3_035).sampling


@pytest.mark.parametrize(
    ("documents", "vocab_size", "alpha", "expected"),
    [
        (1_000, 50_257, 0.5, 16.7),
        (10_000, 50_257, 0.5, 5.3),
        (100_000, 50_257, 0.5, 1.8),
        (1_000_000, 50_257, 0.5, 0.70),
        (1_000, 256, 0.25, 10.3),
        (10_000, 256, 0.25, 3.2),
        (100_000, 256, 0.25, 1.1),
    ],
)
def test_what_a_thousand_dimensions_cost_on_small_data(documents: int, vocab_size: int, alpha: float, expected: float) -> None:
    evidence = Evidence((3_035 + MISC_BITS) * math.log(2), documents, min(documents, SAMPLES), 0.05)
    assert evidence.bound(0, loss_width(alpha, vocab_size)) == pytest.approx(expected, abs=0.06)


def test_without_sampling_the_bound_is_that_of_a_finite_class() -> None:
    evidence = Evidence(kl_nats=100.0, units=5_000, samples=None, epsilon=0.05)
    assert evidence.bound(2.0, 3.0) == pytest.approx(2 + 3 * math.sqrt((100 + math.log(20)) / 10_000), rel=1e-14)
    assert evidence.sampling == 0


@settings(max_examples=50, deadline=None)
@given(units=st.integers(1, 10**7), samples=st.integers(1, 10**5), kl=st.floats(1, 1e6), epsilon=st.floats(1e-6, 0.5))
def test_the_two_ways_to_fail_share_epsilon(units: int, samples: int, kl: float, epsilon: float) -> None:
    evidence = Evidence(kl, units, samples, epsilon)
    of_data = math.exp(kl - 2 * units * evidence.complexity**2)
    of_sample = math.exp(-2 * samples * evidence.sampling**2)
    assert of_data + of_sample == pytest.approx(epsilon, rel=1e-6)
    assert evidence.bound(1.0, 1.0) > Evidence(kl, units, None, epsilon).bound(1.0, 1.0)


def test_the_best_smoothing_is_the_one_with_the_lowest_bound() -> None:
    evidence = published(3_035)
    risks = {alpha: -math.log2((1 - alpha) * 2**-11 + alpha / VOCABULARY) for alpha in ALPHAS}
    best = best_alpha(risks, evidence, VOCABULARY)
    assert evidence.bound(risks[best], loss_width(best, VOCABULARY)) == min(
        evidence.bound(risk, loss_width(alpha, VOCABULARY)) for alpha, risk in risks.items()
    )
    assert len(ALPHAS) == 2**ALPHA_GRID_BITS


@pytest.mark.parametrize(("candidates", "bits"), [(1, 0), (2, 1), (8, 3), (9, 4), (30, 5), (32, 5), (33, 6), (4 * 6 * 2 * 3, 8), (128, 7)])
def test_a_choice_is_paid_for(candidates: int, bits: int) -> None:
    assert choice_bits(candidates) == bits == math.ceil(math.log2(candidates))


@pytest.mark.parametrize(("message", "prefix_free"), [(3012, 3035.11), (5794, 5819.00), (1834, 1855.68), (3506, 3529.55), (0, 0.0)])
def test_prefix_free_length(message: int, prefix_free: float) -> None:
    assert prefix_free_bits(message) == pytest.approx(prefix_free, abs=5e-3)


def test_a_uniform_guess() -> None:
    assert guessing_bits(50_257) == pytest.approx(15.617, abs=5e-4)
