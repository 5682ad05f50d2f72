import json
import math

import pytest

from trainable.bounds.bound import ALPHAS, Evidence, loss_width
from trainable.bounds.certificate import Certificate
from trainable.bounds.message import Message
from trainable.bounds.report import lines, verdict
from trainable.bounds.risk import Risk

VOCABULARY = 50_257
COUNTS = (4, 18, 60, 126, 187, 203, 183, 127, 64, 22, 6)
ABOUT = {
    "adapter": {"name": "sublora", "rank": 4, "intrinsic_dim": 1000, "target_modules": ["q_proj"]},
    "levels": 11,
    "quantisation": "uniform",
    "gates": {"0": 0.25},
    "seed": 42,
    "level_of_independence": "document",
}


def certificate(units: int = 8_009_762, samples: int | None = 10_000, candidates: int = 128, loss: float = 11.0) -> Certificate:
    bits = {alpha: loss + alpha for alpha in ALPHAS}
    return Certificate(Message(COUNTS, 16), Risk(bits, {1: 0.96, 10: 0.7}), VOCABULARY, units, samples, 0.05, candidates)


def test_the_choice_of_run_and_smoothing_is_paid_once() -> None:
    found = certificate()
    prefix = found.message.prefix_free_bits
    assert found.misc_extra_bits == 7 + 3
    assert found.kl_nats == pytest.approx((prefix + 10) * math.log(2), rel=1e-14)
    evidence = Evidence(found.kl_nats, 8_009_762, 10_000, 0.05)
    assert found.bound_bits == min(evidence.bound(risk, loss_width(alpha, VOCABULARY)) for alpha, risk in found.risk.bits.items())
    assert found.error_bound(1) == Evidence((prefix + 7) * math.log(2), 8_009_762, 10_000, 0.05).bound(0.96, 1.0)


def test_the_four_metrics_are_one_certificate() -> None:
    found = certificate()
    metrics = found.metrics()
    assert metrics == {
        "kl_divergence": found.kl_nats,
        "empirical_bpd": found.risk.bits[found.alpha],
        "bound_value": found.bound_bits,
        "compressed_size_bits": found.message.prefix_free_bits,
    }
    assert metrics["kl_divergence"] == pytest.approx((metrics["compressed_size_bits"] + found.misc_extra_bits) * math.log(2))


def test_large_data_say_something_and_small_data_do_not() -> None:
    assert not certificate().is_vacuous
    small = certificate(units=500, samples=None)
    assert small.is_vacuous
    assert "VACUOUS" in verdict(small, "document")
    assert "VACUOUS" not in "\n".join(lines(certificate(), ABOUT))


def test_the_data_that_would_be_needed_are_just_enough() -> None:
    needed = certificate(units=500, samples=None).units_needed()
    assert needed is not None
    assert not certificate(units=needed + 1, samples=None).is_vacuous
    assert certificate(units=int(0.99 * needed), samples=None).is_vacuous


def test_a_model_worse_than_a_guess_is_vacuous_with_any_data() -> None:
    hopeless = certificate(units=10**9, loss=16.0)
    assert hopeless.is_vacuous
    assert hopeless.units_needed() is None
    assert "no amount of data" in verdict(hopeless, "document")


def test_everything_is_in_the_plain_form() -> None:
    plain = json.loads(json.dumps(certificate(units=500, samples=None).as_plain(), allow_nan=False))
    assert plain["vacuous"] is True
    assert [row["alpha"] for row in plain["alphas"]] == list(ALPHAS)
    assert min(row["bound_bpd"] for row in plain["alphas"]) == plain["bound_value"]
    assert [(row["k"], row["vacuous"]) for row in plain["top_k"]] == [(1, True), (10, True)]
    assert (plain["units"], plain["samples"], plain["sampled_with_replacement"]) == (500, 500, False)
    parts = plain["coded_bits"] + plain["codebook_bits"] + plain["gate_bits"] + 11 * 10
    assert plain["message_bits"] == parts


def test_the_printed_page_names_what_was_certified() -> None:
    text = "\n".join(lines(certificate(), ABOUT))
    assert "sublora (rank 4, intrinsic_dim 1000): 1,000 numbers at 11 levels (uniform)" in text
    assert "8,009,762 documents, 10,000 documents drawn (seed 42)" in text
    assert "0 0.25" in text


def test_what_would_be_needed_is_told_of_vacuous_bounds_alone() -> None:
    assert certificate().as_plain()["units_needed"] is None
    assert certificate(units=500, samples=None).as_plain()["units_needed"] > 500
