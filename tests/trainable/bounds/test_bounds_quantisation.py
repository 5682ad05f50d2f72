import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trainable.bounds.quantisation import QUANTISATIONS, Vector, kmeans, nearest, uniform_bins
from trainable.spec.checks import QUANTISATION_NAMES

vectors = arrays(np.float64, st.integers(1, 40), elements=st.floats(-100, 100, width=32))


def by_the_definition(z: Vector, levels: int) -> tuple[list[int], list[float]]:
    largest = max(abs(value) for value in z)
    edges = np.linspace(-largest - 1e-6, largest + 1e-6, levels + 1)
    symbols = [max(k for k in range(levels) if edges[k] <= value) for value in z]
    members = [[value for value, s in zip(z, symbols, strict=True) if s == k] for k in range(levels)]
    return symbols, [float(np.float16(np.mean(own) if own else edge)) for own, edge in zip(members, edges, strict=False)]


@settings(max_examples=60, deadline=None)
@given(z=vectors, levels=st.sampled_from([3, 5, 11]))
def test_uniform_bins_are_those_of_the_definition(z: Vector, levels: int) -> None:
    quantised = uniform_bins(z, levels)
    symbols, codebook = by_the_definition(z, levels)
    assert quantised.symbols.tolist() == symbols
    # A mean summed in another order may round to the next float16.
    assert quantised.codebook == pytest.approx(codebook, rel=2**-10, abs=2**-24)
    assert sum(quantised.counts) == len(z)
    assert len(quantised.counts) == levels


@settings(max_examples=60, deadline=None)
@given(z=vectors, levels=st.sampled_from([3, 5, 11]))
def test_every_codebook_is_half_precision_and_every_entry_has_a_level(z: Vector, levels: int) -> None:
    for name, quantise in QUANTISATIONS.items():
        quantised = quantise(z, levels)
        assert np.array_equal(quantised.codebook, quantised.codebook.astype(np.float16).astype(np.float64)), name
        assert quantised.values.shape == z.shape
        assert quantised.entry_bits == 16


def test_k_means_is_nearer_than_bins_and_draws_nothing() -> None:
    z = np.random.default_rng(1).standard_normal(2_000)
    first, second = kmeans(z, 11), kmeans(z, 11)
    assert np.array_equal(first.symbols, second.symbols)
    assert np.mean((z - first.values) ** 2) < 0.7 * np.mean((z - uniform_bins(z, 11).values) ** 2)
    assert np.array_equal(first.symbols, np.abs(z[:, None] - first.codebook).argmin(axis=1))


def test_few_different_values_are_kept() -> None:
    z = np.array([-1.0, 0.0, 1.0, 1.0])
    for quantise in QUANTISATIONS.values():
        assert np.array_equal(quantise(z, 11).values, z)


def test_zeros_take_the_level_in_the_middle() -> None:
    quantised = uniform_bins(np.zeros(5), 11)
    assert quantised.symbols.tolist() == [5] * 5
    assert np.array_equal(quantised.values, np.zeros(5))


def test_numbers_beyond_half_precision_become_its_largest() -> None:
    assert np.array_equal(uniform_bins(np.array([1e30, -1e30]), 3).values, [65504.0, -65504.0])


@pytest.mark.parametrize("z", [np.array([]), np.array([1.0, np.nan]), np.array([np.inf])])
def test_what_cannot_be_quantised_is_refused(z: Vector) -> None:
    with pytest.raises(ValueError, match="finite"):
        uniform_bins(z, 11)


def test_of_two_as_near_the_first_is_taken() -> None:
    assert nearest(np.array([0.5, 0.6, -9.0]), np.array([0.0, 1.0])).tolist() == [0, 1, 0]


def test_the_names_are_those_that_a_request_may_use() -> None:
    assert set(QUANTISATIONS) == set(QUANTISATION_NAMES)
