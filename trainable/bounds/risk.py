"""The empirical risk of a model on parts of its training data: smoothed bits per token, and how often a token is not in the top k."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainable.bounds.bound import ALPHAS, TOP_K
from trainable.bounds.units import Sample, Units
from trainable.bounds.windows import Window, windows
from trainable.data.prepared import PreparedData


@dataclass(frozen=True)
class Risk:
    """Means over the sample of each part's mean over its tokens.

    bits: by alpha, of -log2 p_alpha in bits/token. errors: by k < V, share in [0, 1] of tokens that are not among the k likeliest.
    """

    bits: dict[float, float]
    errors: dict[int, float]


@dataclass(frozen=True)
class Evaluation:
    """How the model is asked: at most `rows` windows at once, moved by `shift` tokens, its vocabulary cut to the tokenizer's."""

    context_length: int
    shift: int
    rows: int
    device: torch.device
    autocast: torch.dtype | None


@torch.no_grad()
def empirical_risk(model: nn.Module, data: PreparedData, parts: Units, drawn: Sample, how: Evaluation) -> Risk:
    """The risk on `drawn`; the model is put in evaluation mode, and back as it was."""
    ks = [k for k in TOP_K if k < data.vocab_size]
    totals = np.zeros((len(drawn.indices), len(ALPHAS) + len(ks)))
    was_training = model.training
    model.eval()
    for batch in _batches(parts, drawn, how):
        inputs, targets, kept = (torch.from_numpy(array).to(how.device) for array in _tokens(data, batch))
        with torch.autocast(how.device.type, dtype=how.autocast, enabled=how.autocast is not None):
            logits = model(inputs)
        losses = token_losses(logits[..., : data.vocab_size].float(), targets, ks)
        # Added up here, in order: sums on a GPU come out in another one each time.
        np.add.at(totals, [window.part for window in batch], (losses * kept[..., None]).sum(dim=1).cpu().numpy())
    model.train(was_training)
    means = totals / parts.lengths[drawn.indices][:, None]
    risk = [float(value) for value in np.average(means, axis=0, weights=drawn.weights)]
    bits, errors = risk[: len(ALPHAS)], risk[len(ALPHAS) :]
    return Risk(dict(zip(ALPHAS, bits, strict=True)), dict(zip(ks, errors, strict=True)))


def token_losses(logits: torch.Tensor, targets: torch.Tensor, ks: Sequence[int]) -> torch.Tensor:
    """-log2 p_alpha for each alpha, then 1 where the target is not among the k likeliest for each k: float64 [rows, time, alphas + ks].

    logits: float [rows, time, V]; targets: int64 [rows, time]. Of equals the target comes last, and where the model gives no number it
    knows nothing: smoothing and ranks are defined for every hypothesis.
    """
    size = logits.shape[-1]
    at_target = logits.gather(-1, targets[..., None])
    p = torch.nan_to_num((at_target[..., 0] - logits.logsumexp(-1)).double().exp(), nan=0.0)
    alphas = torch.tensor(ALPHAS, dtype=torch.float64, device=logits.device)
    bits = -torch.log2((1 - alphas) * p[..., None] + alphas / size)
    rank = size - (logits < at_target).sum(-1)  # 1 for the likeliest
    return torch.cat([bits, (rank[..., None] > torch.tensor(ks, device=logits.device)).double()], dim=-1)


def _batches(parts: Units, drawn: Sample, how: Evaluation) -> Iterable[list[Window]]:
    """All windows of the sample, those of one length together, so that little is padded; `part` counts within the sample."""
    starts, lengths = parts.starts[drawn.indices], parts.lengths[drawn.indices]
    every = [
        window
        for number, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True))
        for window in windows(number, start, length, how.context_length, how.shift)
    ]
    every.sort(key=lambda window: window.length)
    return (every[first : first + how.rows] for first in range(0, len(every), how.rows))


def _tokens(data: PreparedData, batch: Sequence[Window]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Inputs, targets and which of them count, each [rows, longest]; a causal model does not see the padding on the right."""
    shape = (len(batch), max(window.length for window in batch))
    inputs, targets, kept = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    for row, window in enumerate(batch):
        end = window.start + window.length
        targets[row, : window.length] = data.train[window.start : end]
        inputs[row, 1 : window.length] = targets[row, : window.length - 1]
        # The first document follows no other: what stands before it is an end of text all the same.
        inputs[row, 0] = data.train[window.start - 1] if window.start else data.eot_token
        kept[row, window.length - window.kept : window.length] = True
    return inputs, targets, kept
