"""A run in a subspace under the names of the SubLoRA study: what is trained, what it started from, and the tensors that it moves."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainable.adapters.subspace.allocation import HEAD
from trainable.adapters.subspace.model import SubspaceModel
from trainable.learner import Learner
from trainable.spec.compose import to_plain
from trainable.spec.mistakes import WrongRequest

# What the study calls the group outside the numbered layers.
_HEAD_OF_THE_STUDY = "misc"


def export_sublora(learner: Learner, folder: Path) -> None:
    """Five files of plain tensors, lists and dictionaries, which ``torch.load(weights_only=True)`` reads.

    - ``best_ckpt.pt``: ``raw_model`` with ``subspace_params`` z [d] and the logits ``gating_params.<layer>``, and ``config``
    - ``ckpt_at_random_initialization.pt``: the same at the start of the run
    - ``forward_ckpt_at_random_initialization.pt``: every tensor of the model that z moves, as it started, theta0 among them
    - ``names.pt``, ``trainable_initparams.pt``: the tensors that z moves, in the model's order, by name and as they started

    P is drawn again from ``config``. Raises `WrongRequest` for a run that has no subspace.
    """
    model = learner.model
    if not isinstance(model, SubspaceModel):
        adapter = learner.config.adapter
        raise WrongRequest([f"the run (adapter={adapter.name}) has no subspace: --format sublora is for adapter.intrinsic_dim above 0"])
    state = _on_cpu(model.net.state_dict())
    moved = model.weights().keys()
    names = [name for name, _ in model.net.named_parameters() if name in moved]
    trained, config = _trained(model), to_plain(learner.config)
    files: dict[str, Any] = {
        "best_ckpt": {"raw_model": trained, "config": config},
        "ckpt_at_random_initialization": {
            "raw_model": {name: torch.zeros_like(tensor) for name, tensor in trained.items()},
            "config": config,
        },
        "forward_ckpt_at_random_initialization": state,
        "trainable_initparams": [state[name] for name in names],
        "names": names,
    }
    for name, content in files.items():
        torch.save(content, folder / f"{name}.pt")


def _trained(model: SubspaceModel) -> dict[str, Tensor]:
    gates = {f"gating_params.{_HEAD_OF_THE_STUDY if group == HEAD else group}": gate.gate for group, gate in model.gates.items()}
    return _on_cpu({"subspace_params": model.coordinates, **gates})


def _on_cpu(tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}
