"""The part of a model that training changes, and the frozen rest by what it is rebuilt from: checkpoints hold no base twice."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from trainable.sharded import whole
from trainable.spec.mistakes import WrongRequest


def is_partly_frozen(model: nn.Module) -> bool:
    return not all(parameter.requires_grad for parameter in model.parameters())


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The whole state of a model of which everything is trained; else the trained tensors alone."""
    state = model.state_dict()
    if not is_partly_frozen(model):
        return state
    return {name: state[name] for name in _trained_names(model)}


def load_trained_state(model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """The inverse of `trained_state`. Raises `WrongRequest` for the state of another model."""
    expected = trained_state(model).keys()
    if strangers := sorted(expected ^ state.keys()):
        raise WrongRequest([f"the checkpoint is of another model: {len(strangers)} tensors differ in name, such as {strangers[0]}"])
    try:
        model.load_state_dict(state, strict=not is_partly_frozen(model))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WrongRequest([f"the checkpoint is of another model: {reason}"]) from error


def base_reference(model: nn.Module, *, pretrained: str | None, seed: int) -> dict[str, Any] | None:
    """What a frozen base is rebuilt from (pretrained weights, or the seed), and its SHA-256; None when nothing is frozen."""
    if not is_partly_frozen(model):
        return None
    digest, trained = hashlib.sha256(), set(_trained_names(model))
    for name, tensor in model.state_dict().items():
        if name not in trained:
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(whole(tensor).detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return {"pretrained": pretrained, "seed": None if pretrained else seed, "sha256": digest.hexdigest()}


def require_same_base(here: dict[str, Any] | None, kept: dict[str, Any] | None) -> None:
    """Raises `WrongRequest` when what a checkpoint was trained on is not what was rebuilt here."""
    if here is None or kept is None:
        if here is not kept:
            raise WrongRequest(["the checkpoint is of another model: only one of the two has a frozen base"])
        return
    if here["sha256"] == kept["sha256"]:
        return
    origin = kept["pretrained"] or f"seed {kept['seed']}"
    raise WrongRequest(
        [
            f"the checkpoint was trained on a frozen base from {origin} with SHA-256 {kept['sha256'][:12]}..., and the base rebuilt here"
            f" has {here['sha256'][:12]}...: the pretrained weights have changed since, or the seed or this torch gives others"
        ]
    )


def _trained_names(model: nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]
