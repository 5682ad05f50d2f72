"""The price of bounds: the tokens that the model is asked, counted as the bound itself cuts them."""

from collections.abc import Callable

import pytest

from sweeps.runner.bounds_price import bounds_price
from trainable.bounds.units import sample, units
from trainable.bounds.windows import default_shift, windows
from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.spec.config import RunConfig

CONTEXT = 64


@pytest.fixture
def config(tiny_overrides: Callable[..., list[str]]) -> Callable[..., RunConfig]:
    return lambda *more: request_run(tiny_overrides("adapter=sublora", "bounds.enabled=true", f"model.context_length={CONTEXT}", *more))


def test_without_bounds_there_is_no_price(tiny_overrides: Callable[..., list[str]]) -> None:
    assert bounds_price(request_run(tiny_overrides())) is None


def test_before_the_data_are_there_a_document_fills_a_context(config: Callable[..., RunConfig]) -> None:
    found = bounds_price(config("bounds.samples=30", "data.split_seed=77"))
    assert found is not None
    assert (found.parts, found.length, found.training_tokens) == (30, CONTEXT, pytest.approx(30 * CONTEXT / 3))


def test_every_sequence_of_unknown_data_is_said_so(config: Callable[..., RunConfig]) -> None:
    found = bounds_price(config("bounds.samples=null", "bounds.level_of_independence=sequence", "data.split_seed=78"))
    assert found is not None
    assert found.line("1.0 minutes").startswith("bounds   not in it: every sequence after each finished run")
    known = bounds_price(config("bounds.samples=30", "bounds.level_of_independence=sequence"))
    assert known is not None
    assert known.line("1.0 minutes") == "bounds   about 1.0 minutes of it: 30 sequences of about 64 tokens after each finished run"


def test_fine_tuning_counts_as_training(config: Callable[..., RunConfig]) -> None:
    plain, tuned = (bounds_price(config("bounds.samples=30", f"bounds.quantisation_aware_steps={steps}")) for steps in (0, 7))
    assert plain is not None
    assert tuned is not None
    assert tuned.training_tokens - plain.training_tokens == pytest.approx(7 * 4 * CONTEXT)


def test_it_is_close_to_what_the_bound_asks(config: Callable[..., RunConfig]) -> None:
    """Documents of this corpus differ little in length, so that their mean stands for them."""
    asked_for = config("bounds.samples=null")
    data = prepare(asked_for.data)
    parts = units(data, "document", CONTEXT)
    drawn = sample(len(parts.starts), None, 0)
    shift = default_shift(CONTEXT)
    lengths = parts.lengths[drawn.indices].tolist()
    asked = sum(window.length for length in lengths for window in windows(0, CONTEXT, length, CONTEXT, shift))
    found = bounds_price(asked_for)
    assert found is not None
    assert found.parts == len(lengths)
    assert 3 * found.training_tokens == pytest.approx(asked, rel=0.25)
