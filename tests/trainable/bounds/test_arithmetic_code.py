import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.bounds.arithmetic_code import code_length, decode, encode
from trainable.bounds.message import LONGEST_EXACT, Message, coded_bits

strings = st.lists(st.integers(0, 6), min_size=1, max_size=60)


def counts_of(symbols: list[int], levels: int = 7) -> list[int]:
    return [Counter(symbols)[level] for level in range(levels)]


@settings(max_examples=200, deadline=None)
@given(symbols=strings)
def test_a_string_reads_back(symbols: list[int]) -> None:
    counts = counts_of(symbols)
    code = encode(symbols, counts)
    assert 0 <= code.value < 2**code.length
    assert decode(code, counts) == symbols


@settings(max_examples=100, deadline=None)
@given(symbols=strings)
def test_any_digits_after_the_code_read_the_same_string(symbols: list[int]) -> None:
    counts = counts_of(symbols)
    code = encode(symbols, counts)
    continued = type(code)((code.value << 8) + 255, code.length + 8)
    assert decode(continued, counts) == symbols


@settings(max_examples=100, deadline=None)
@given(counts=st.lists(st.integers(0, 400), min_size=1, max_size=11).filter(any))
def test_the_length_is_the_entropy_and_a_digit(counts: list[int]) -> None:
    total = sum(counts)
    bits = math.fsum(count * math.log2(total / count) for count in counts if count)
    # The float may miss an integer by its rounding: both of its neighbours are right then.
    assert code_length(counts) in {math.ceil(bits - 1e-9) + 1, math.ceil(bits + 1e-9) + 1}


def test_thousands_of_symbols_read_back() -> None:
    symbols = np.clip(np.random.default_rng(0).normal(5, 1.6, 4_000).round(), 0, 10).astype(int).tolist()
    counts = counts_of(symbols, 11)
    assert decode(encode(symbols, counts), counts) == symbols


def test_equally_frequent_symbols_take_their_logarithm() -> None:
    assert code_length([256, 256, 256, 256]) == 2 * 1024 + 1
    assert code_length([5]) == 1


@pytest.mark.parametrize(("symbols", "counts"), [([0, 1], [2, 0]), ([0, 1], [1, 1, 1]), ([0, 3], [1, 1])])
def test_symbols_that_the_counts_do_not_tell_of(symbols: list[int], counts: list[int]) -> None:
    with pytest.raises(ValueError, match="not those"):
        encode(symbols, counts)


def test_the_size_of_a_thousand_normal_numbers() -> None:
    # Eleven levels with 2.724 bits of entropy: 2,726 for the code, 176 for the codebook, 110 for the counts.
    counts = (4, 18, 60, 126, 187, 203, 183, 127, 64, 22, 6)
    entropy = math.fsum(count / 1000 * math.log2(1000 / count) for count in counts)
    message = Message(counts, entry_bits=16)
    assert message.message_bits == math.ceil(1000 * entropy) + 1 + 11 * 16 + 11 * 10
    assert Message(counts, entry_bits=32, gate_bits=91).message_bits == message.message_bits + 11 * 16 + 91


def test_every_count_fits_into_its_digits() -> None:
    assert Message((1024, 0, 0), 16).message_bits == 1 + 3 * 16 + 3 * 11


def test_beyond_the_longest_exact_string_the_entropy_is_told() -> None:
    counts = (LONGEST_EXACT // 5, 2 * LONGEST_EXACT // 5, 2 * LONGEST_EXACT // 5)
    twice = tuple(2 * count for count in counts)
    assert coded_bits(twice) - 1 in range(2 * (coded_bits(counts) - 1) - 1, 2 * (coded_bits(counts) - 1) + 1)
