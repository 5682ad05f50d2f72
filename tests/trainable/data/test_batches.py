import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.data.batches import Batch, Tokens, epoch_of, eval_batches, train_batch
from trainable.spec.mistakes import WrongRequest

TOKENS: Tokens = np.arange(1000, dtype=np.uint16)  # token i is its own position
seeds = st.integers(0, 2**32 - 1)
steps = st.integers(0, 2**40)


def starts(batch: Batch) -> list[int]:
    return [int(start) for start in batch[0][:, 0]]


@given(seed=seeds, step=steps, others=st.lists(steps, max_size=3))
def test_a_batch_depends_on_seed_and_step_alone(seed: int, step: int, others: list[int]) -> None:
    first = train_batch(TOKENS, seed=seed, step=step, batch_size=4, context_length=16)
    for other in others:
        train_batch(TOKENS, seed=seed, step=other, batch_size=8, context_length=8)
    again = train_batch(TOKENS, seed=seed, step=step, batch_size=4, context_length=16)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@given(seed=seeds, step=steps, ranks=st.sampled_from([1, 2, 4, 8]))
def test_the_global_batch_is_the_same_for_any_number_of_ranks(seed: int, step: int, ranks: int) -> None:
    whole = train_batch(TOKENS, seed=seed, step=step, batch_size=8, context_length=16)
    shares = [train_batch(TOKENS, seed=seed, step=step, rank=r, ranks=ranks, batch_size=8, context_length=16) for r in range(ranks)]
    for side in (0, 1):
        np.testing.assert_array_equal(np.concatenate([share[side] for share in shares]), whole[side])


@given(seed=seeds, step=steps, context=st.integers(1, 999))
def test_rows_are_runs_of_the_text_and_targets_the_next_tokens(seed: int, step: int, context: int) -> None:
    x, y = train_batch(TOKENS, seed=seed, step=step, batch_size=3, context_length=context)
    assert x.shape == y.shape == (3, context)
    assert x.dtype == y.dtype == np.int64
    for row, target in zip(x, y, strict=True):
        np.testing.assert_array_equal(row, TOKENS[row[0] : row[0] + context])
        np.testing.assert_array_equal(target, TOKENS[row[0] + 1 : row[0] + 1 + context])


def philox_4x64(counter: int, key: tuple[int, int]) -> list[int]:
    """Philox4x64-10 as published (Salmon et al. 2011, section 4.3), for a counter below 2^64."""
    words, (k0, k1), mask = [counter, 0, 0, 0], key, 2**64 - 1
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
        words = [(p1 >> 64) ^ words[1] ^ k0, p1 & mask, (p0 >> 64) ^ words[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
    return words


@given(seed=seeds, step=steps)
def test_starts_are_philox_of_seed_and_step(seed: int, step: int) -> None:
    batch = train_batch(TOKENS, seed=seed, step=step, batch_size=8, context_length=16)
    words = philox_4x64(1, (seed, step)) + philox_4x64(2, (seed, step))  # NumPy counts from 1
    assert starts(batch) == [word % (1000 - 16) for word in words]


def test_starts_are_uniform_over_all_windows() -> None:
    tokens = TOKENS[:17]
    drawn = [s for step in range(2000) for s in starts(train_batch(tokens, seed=7, step=step, batch_size=8, context_length=4))]
    counts = np.bincount(drawn, minlength=13)
    assert len(counts) == 13  # starts 0 .. 17 - 4 - 1
    expected = 16000 / 13
    assert ((counts - expected) ** 2 / expected).sum() < 32.9  # chi-squared, 12 degrees of freedom, p = 0.001


def test_seeds_and_steps_draw_different_batches() -> None:
    drawn = {
        tuple(starts(train_batch(TOKENS, seed=seed, step=step, batch_size=8, context_length=16)))
        for seed in range(10)
        for step in range(10)
    }
    assert len(drawn) == 100


def test_the_smallest_text_has_one_window() -> None:
    x, y = train_batch(TOKENS[:5], seed=0, step=0, batch_size=2, context_length=4)
    assert x.tolist() == [[0, 1, 2, 3]] * 2
    assert y.tolist() == [[1, 2, 3, 4]] * 2


def test_a_text_shorter_than_a_context_is_a_mistake() -> None:
    with pytest.raises(WrongRequest, match="4 tokens do not fill one context of 4"):
        train_batch(TOKENS[:4], seed=0, step=0, batch_size=2, context_length=4)
    with pytest.raises(WrongRequest, match="4 tokens do not fill one context of 4"):
        list(eval_batches(TOKENS[:4], batch_size=1, context_length=4, max_batches=1))


@pytest.mark.parametrize(("rank", "ranks"), [(0, 3), (2, 2), (-1, 2)])
def test_ranks_that_do_not_fit_are_refused(rank: int, ranks: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        train_batch(TOKENS, seed=0, step=0, rank=rank, ranks=ranks, batch_size=8, context_length=4)


@given(length=st.integers(2, 400), context=st.integers(1, 50), batch_size=st.integers(1, 9), max_batches=st.integers(1, 9))
def test_evaluation_windows_never_overlap_and_spread_evenly(length: int, context: int, batch_size: int, max_batches: int) -> None:
    tokens = TOKENS[:length]
    if length <= context:
        return
    batches = list(eval_batches(tokens, batch_size=batch_size, context_length=context, max_batches=max_batches))
    begins = np.array([start for batch in batches for start in starts(batch)])
    available = (length - 1) // context
    assert len(begins) == min(available, batch_size * max_batches)
    assert len(batches) <= max_batches
    gaps = np.diff(begins)
    assert (gaps >= context).all()
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= context
    for x, y in batches:
        np.testing.assert_array_equal(y, x + 1)


def test_evaluation_covers_a_short_text_whole() -> None:
    batches = list(eval_batches(TOKENS[:21], batch_size=2, context_length=4, max_batches=100))
    assert [len(x) for x, _ in batches] == [2, 2, 1]
    assert np.concatenate([y.ravel() for _, y in batches]).tolist() == list(range(1, 21))


def test_epochs_count_passes_over_the_tokens() -> None:
    assert [epoch_of(step, batch_size=2, context_length=5, tokens=100) for step in (0, 9, 10, 19, 20)] == [0, 0, 1, 1, 2]


def test_reading_batches_needs_neither_torch_nor_a_tokenizer() -> None:
    code = "import sys, trainable.data.batches; print({'torch', 'tokenizers', 'datasets', 'ray', 'pandas'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
