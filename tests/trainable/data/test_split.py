import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainable.data.split import split_documents
from trainable.spec.mistakes import WrongRequest

BOTH = [("val", 0.1), ("test", 0.2)]


@given(
    count=st.integers(3, 2000),
    val=st.floats(0.001, 0.3),
    test=st.floats(0.001, 0.3),
    seed=st.integers(0, 2**63 - 1),
)
def test_every_document_is_in_one_split_of_the_size_asked_for(count: int, val: float, test: float, seed: int) -> None:
    labels = split_documents(count, held_out=[("val", val), ("test", test)], seed=seed)
    held_out = [max(1, round(count * val)), max(1, round(count * test))]
    assert np.bincount(labels, minlength=3).tolist() == [count - sum(held_out), *held_out]


@given(count=st.integers(10, 500), seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_split(count: int, seed: int) -> None:
    first, second = (split_documents(count, held_out=BOTH, seed=seed) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_other_seeds_give_other_splits() -> None:
    splits = {tuple(split_documents(100, held_out=BOTH, seed=seed)) for seed in range(20)}
    assert len(splits) == 20


def test_the_split_never_changes_between_versions() -> None:
    # Written down once: a prepared data set must be the same wherever it is prepared.
    assert split_documents(12, held_out=BOTH, seed=2357).tolist() == [1, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0, 0]


def test_held_out_documents_are_spread_over_the_whole_text() -> None:
    held_out = np.flatnonzero(split_documents(1000, held_out=BOTH, seed=1))
    assert abs(held_out.mean() - 499.5) < 4 * (1000 / np.sqrt(12)) / np.sqrt(300)  # four standard errors of a uniform draw


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_documents_are_a_mistake_that_says_how_many(count: int) -> None:
    with pytest.raises(WrongRequest, match=f"has {count} document.*holding out 1 for val and 1 for test"):
        split_documents(count, held_out=BOTH, seed=0)


def test_without_held_out_splits_everything_trains() -> None:
    assert split_documents(5, held_out=[], seed=0).tolist() == [0] * 5
