"""The evaluation loop against one forward pass for every single prediction."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainable.bounds.bound import ALPHAS, TOP_K
from trainable.bounds.risk import Evaluation, Risk, empirical_risk, token_losses
from trainable.bounds.units import Sample, Units, sample, units
from trainable.bounds.windows import default_shift, windows
from trainable.data.prepared import PreparedData
from trainable.spec.mistakes import WrongRequest

END, VOCABULARY, CONTEXT, SHIFT = 0, 13, 6, 2
DOCUMENTS = [3, 1, 9, 6, 14, 7]  # tokens, the end of text left out; shorter than a context, just one, and longer


class Causal(nn.Module):
    """Logits that depend on every token seen so far, and on where it stood."""

    def __init__(self, vocab_size: int = VOCABULARY) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(0)
        self.table = nn.Parameter(torch.randn(vocab_size, 8, generator=draws))
        self.head = nn.Parameter(torch.randn(8, vocab_size, generator=draws))
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(1, tokens.shape[1] + 1)[:, None]
        return self.dropout((self.table[tokens] * steps.sqrt()).cumsum(1) / steps) @ self.head


@pytest.fixture
def data(tmp_path: Path) -> PreparedData:
    draws = np.random.default_rng(3)
    parts = [[*draws.integers(1, VOCABULARY, length).tolist(), END] for length in DOCUMENTS]
    train = np.array([token for part in parts for token in part], dtype=np.uint16)
    np.save(tmp_path / "eot_indices.npy", np.cumsum([len(part) for part in parts]) - 1)
    return PreparedData(tmp_path, {"vocab_size": VOCABULARY, "eot_token": END}, train, train, train)


def evaluation(rows: int) -> Evaluation:
    return Evaluation(CONTEXT, SHIFT, rows, torch.device("cpu"), None)


def one_by_one(model: nn.Module, data: PreparedData, parts: Units, drawn: Sample) -> Risk:
    """The definition: each token from its own context, smoothed, averaged over its part and over the draws."""
    model.eval()
    bits: dict[float, list[float]] = {alpha: [] for alpha in ALPHAS}
    errors: dict[int, list[float]] = {k: [] for k in TOP_K if k < VOCABULARY}
    for index, weight in zip(drawn.indices, drawn.weights, strict=True):
        start, length = int(parts.starts[index]), int(parts.lengths[index])
        predictions = [_prediction(model, data, start, length, offset) for offset in range(length)]
        for alpha in ALPHAS:
            losses = [-math.log2((1 - alpha) * p[target] + alpha / VOCABULARY) for p, target in predictions]
            bits[alpha] += [math.fsum(losses) / length] * int(weight)
        for k in errors:
            missed = [target not in sorted(range(VOCABULARY), key=lambda t, p=p: -p[t])[:k] for p, target in predictions]
            errors[k] += [sum(missed) / length] * int(weight)
    return Risk({a: math.fsum(v) / len(v) for a, v in bits.items()}, {k: math.fsum(v) / len(v) for k, v in errors.items()})


def _prediction(model: nn.Module, data: PreparedData, start: int, length: int, offset: int) -> tuple[list[float], int]:
    """(probabilities, target) at `offset` of a part."""
    end = min(CONTEXT, length)
    while end <= offset:
        end = min(end + SHIFT, length)
    first = start + max(0, end - CONTEXT)
    stream = [END, *data.train.tolist()]  # stream[i] is the token before data.train[i]
    with torch.no_grad():
        logits = model(torch.tensor([stream[first : start + offset + 1]]))[0, -1, :VOCABULARY]
    return torch.softmax(logits.double(), -1).tolist(), int(data.train[start + offset])


@pytest.mark.parametrize("level", ["document", "sequence", "token"])
@pytest.mark.parametrize(("draws", "rows"), [(None, 1), (4, 3), (5, 64)])
def test_the_loop_agrees_with_one_prediction_at_a_time(data: PreparedData, level: str, draws: int | None, rows: int) -> None:
    model = Causal()
    parts = units(data, level, CONTEXT)
    drawn = sample(len(parts.starts), draws, seed=7)
    found, expected = empirical_risk(model, data, parts, drawn, evaluation(rows)), one_by_one(Causal(), data, parts, drawn)
    assert found.bits == pytest.approx(expected.bits, rel=1e-5)
    assert found.errors == pytest.approx(expected.errors, abs=1e-12)
    assert model.training


def test_tokens_that_no_document_has_are_cut_off(data: PreparedData) -> None:
    wide = Causal(VOCABULARY + 5)
    narrow = Causal()
    narrow.table.data, narrow.head.data = wide.table.data[:VOCABULARY], wide.head.data[:, :VOCABULARY]
    parts, drawn = units(data, "document", CONTEXT), sample(len(DOCUMENTS), None, 0)
    assert empirical_risk(wide, data, parts, drawn, evaluation(4)) == empirical_risk(narrow, data, parts, drawn, evaluation(4))


def test_documents_start_after_the_end_before_them_and_leave_their_own_out(data: PreparedData) -> None:
    parts = units(data, "document", CONTEXT)
    assert parts.lengths.tolist() == DOCUMENTS
    assert parts.independent == len(DOCUMENTS)
    assert parts.starts[0] == 0
    assert all(data.train[start - 1] == END for start in parts.starts[1:])
    assert all(data.train[start + length] == END for start, length in zip(parts.starts, parts.lengths, strict=True))
    assert sum(parts.lengths) == len(data.train) - len(DOCUMENTS)


def test_sequences_do_not_overlap_and_tokens_count_one_by_one(data: PreparedData) -> None:
    sequences, tokens = units(data, "sequence", CONTEXT), units(data, "token", CONTEXT)
    count = (len(data.train) - 1) // CONTEXT
    assert sequences.starts.tolist() == [1 + CONTEXT * i for i in range(count)]
    assert (sequences.independent, tokens.independent) == (count, count * CONTEXT)


def test_a_document_without_a_token_is_none(tmp_path: Path) -> None:
    np.save(tmp_path / "eot_indices.npy", np.array([0, 3]))
    train = np.array([END, 4, 5, END], dtype=np.uint16)
    data = PreparedData(tmp_path, {"vocab_size": VOCABULARY, "eot_token": END}, train, train, train)
    parts = units(data, "document", CONTEXT)
    assert (parts.starts.tolist(), parts.lengths.tolist(), parts.independent) == ([1], [2], 1)
    with pytest.raises(WrongRequest, match="no sequence"):
        units(data, "sequence", CONTEXT)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 500), draws=st.integers(1, 600), seed=st.integers(0, 2**32 - 1))
def test_a_sample_is_fixed_by_its_seed(count: int, draws: int, seed: int) -> None:
    drawn, again = sample(count, draws, seed), sample(count, draws, seed)
    assert np.array_equal(drawn.indices, again.indices)
    assert np.array_equal(drawn.weights, again.weights)
    assert set(drawn.indices) <= set(range(count))
    assert drawn.weights.sum() == (draws if draws < count else count)
    assert (drawn.draws is None) == (draws >= count)


def test_other_seeds_draw_other_documents_and_some_twice() -> None:
    first, second = sample(1_000, 500, 1), sample(1_000, 500, 2)
    assert set(first.indices) != set(second.indices)
    assert first.weights.max() > 1


@settings(max_examples=100, deadline=None)
@given(length=st.integers(1, 300), context=st.integers(1, 40), share=st.floats(0.01, 1))
def test_windows_keep_every_prediction_once(length: int, context: int, share: float) -> None:
    shift = max(1, int(share * context))
    found = list(windows(0, 1_000, length, context, shift))
    kept = [window.start + window.length - back for window in found for back in range(window.kept, 0, -1)]
    assert kept == list(range(1_000, 1_000 + length))
    assert all(window.length <= context and window.start >= 1_000 for window in found)
    assert all(window.length == context and window.kept <= shift for window in found[1:])


def test_the_window_moves_as_in_the_paper_where_there_is_room() -> None:
    assert (default_shift(1024), default_shift(64), default_shift(1)) == (100, 32, 1)


def test_a_model_that_knows_nothing_is_never_right() -> None:
    alike, broken = torch.zeros(1, 2, 4), torch.full((1, 2, 4), float("nan"))
    targets = torch.tensor([[0, 3]])
    for logits in (alike, broken):
        assert token_losses(logits, targets, [1, 2, 3])[..., len(ALPHAS) :].eq(1).all()
    assert token_losses(alike, targets, [])[0].tolist() == [pytest.approx([2.0] * len(ALPHAS))] * 2
    assert token_losses(broken, targets, [])[0, 0].tolist() == pytest.approx([-math.log2(alpha / 4) for alpha in ALPHAS])


def test_a_vocabulary_smaller_than_every_k() -> None:
    losses = token_losses(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[1]]), [k for k in TOP_K if k < 2])
    assert losses.shape == (1, 1, len(ALPHAS) + 1)
    assert losses[0, 0, -1] == 1
