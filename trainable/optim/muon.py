"""Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"), PyTorch's, and AdamW for what is not hidden.

Embeddings, output head, vectors and stacks of matrices are AdamW's. Updates of matrices are scaled to the root-mean-square of
AdamW's (Liu et al. 2025, "Muon is Scalable for LLM Training", section 2.2, eq. 4), so that one lr and one decay serve both.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

from trainable.optim.entry import OptimizerEntry, ParameterGroup, given
from trainable.optim.moments import float_moments
from trainable.optim.parameter_roles import is_hidden_matrix
from trainable.optim.shapes import Shape, largest
from trainable.spec.config import OptimizerConfig

if TYPE_CHECKING:
    import torch


def build(groups: list[ParameterGroup], config: OptimizerConfig, device: torch.device) -> torch.optim.Optimizer:
    """One optimizer; `betas` and `eps` are those of its AdamW part."""
    from trainable.optim.muon_with_adamw import MuonWithAdamW

    del device
    hidden = [_selected(group, hidden=True) for group in groups]
    others = [_selected(group, hidden=False) for group in groups]
    return MuonWithAdamW(
        [group for group in hidden if group["params"]],
        [group for group in others if group["params"]],
        lr=config.lr,
        muon_settings=given(momentum=config.momentum),
        adamw_settings=given(betas=config.betas and tuple(config.betas), eps=config.eps),
    )


def _selected(group: ParameterGroup, *, hidden: bool) -> ParameterGroup:
    members = [(name, p) for name, p in group["params"] if is_hidden_matrix(name, tuple(p.shape)) == hidden]
    return {**group, "params": members}


def state_bytes(shapes: Mapping[str, Shape], config: OptimizerConfig) -> int:
    """A float32 momentum per entry of a hidden matrix, two moments per other entry."""
    del config
    return sum((4 if is_hidden_matrix(name, shape) else 8) * prod(shape) for name, shape in shapes.items())


def workspace_bytes(shapes: Mapping[str, Shape], device: str) -> int:
    """The iteration that orthogonalises one hidden matrix at a time."""
    del device
    return 12 * largest({name: shape for name, shape in shapes.items() if is_hidden_matrix(name, shape)})


MUON = OptimizerEntry(build, state_bytes, frozenset({"momentum", "betas", "eps"}), float_moments, workspace_bytes=workspace_bytes)
