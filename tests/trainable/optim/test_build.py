import pytest
import torch
from torch import nn

from trainable.optim.build import build_optimizer, parameter_groups
from trainable.optim.checks import optimizer_mistakes
from trainable.spec.config import OptimizerConfig
from trainable.spec.mistakes import WrongRequest


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


def names(group: dict[str, list[tuple[str, nn.Parameter]]]) -> list[str]:
    return [name for name, _ in group["params"]]


def test_matrices_decay_vectors_do_not_and_a_tied_matrix_counts_once() -> None:
    matrices, vectors = parameter_groups(Tied(), weight_decay=0.1)
    assert (names(matrices), matrices["weight_decay"]) == (["embedding.weight"], 0.1)
    assert (names(vectors), vectors["weight_decay"]) == (["norm.weight", "norm.bias"], 0.0)


def test_frozen_parameters_are_left_out_and_no_group_is_empty() -> None:
    model = Tied()
    model.norm.requires_grad_(False)
    (matrices,) = parameter_groups(model, weight_decay=0.1)
    assert names(matrices) == ["embedding.weight"]


def test_coordinates_decay_like_the_matrices_they_stand_for_and_gates_learn_at_their_own_rate() -> None:
    model = nn.Module()
    model.coordinates = nn.Parameter(torch.zeros(5))
    model.gates = nn.ModuleDict({"0": nn.Module()})
    model.gates["0"].gate = nn.Parameter(torch.zeros(()))
    optimizer = build_optimizer(model, OptimizerConfig(lr=0.01, weight_decay=0.1), gate_lr=0.05)
    found = [(group["param_names"], group["weight_decay"], group.get("lr_scale", 1.0)) for group in optimizer.param_groups]
    assert found == [(["coordinates"], 0.1, 1.0), (["gates.0.gate"], 0.0, 5.0)]


def test_a_frozen_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no trainable parameters"):
        parameter_groups(Tied().requires_grad_(False), weight_decay=0.1)


def test_the_optimizer_keeps_the_parameters_names() -> None:
    optimizer = build_optimizer(Tied(), OptimizerConfig())
    assert [group["param_names"] for group in optimizer.param_groups] == [["embedding.weight"], ["norm.weight", "norm.bias"]]


def test_every_mistake_is_told_at_once_with_the_nearest_name() -> None:
    config = OptimizerConfig(name="adafacto", lr=-1.0, weight_decay=-0.5, betas=[0.9, 1.5])
    mistakes = [
        "unknown optimizer.name 'adafacto' (did you mean 'adafactor'?)",
        "optimizer.lr=-1.0 must be finite and above 0",
        "optimizer.weight_decay=-0.5 must be finite and at least 0",
        "optimizer.betas=[0.9, 1.5] must be two numbers in [0, 1)",
    ]
    assert optimizer_mistakes(config) == mistakes
    with pytest.raises(WrongRequest) as refused:
        build_optimizer(Tied(), config)
    assert refused.value.mistakes == mistakes


def test_a_foreign_setting_is_refused_with_those_the_optimizer_knows() -> None:
    assert optimizer_mistakes(OptimizerConfig(name="adamw", momentum=0.9)) == [
        "optimizer.momentum=0.9 has no meaning for adamw (it knows: betas, eps)"
    ]


def test_adamw_is_one_fused_kernel_on_the_cpu() -> None:
    optimizer = build_optimizer(Tied(), OptimizerConfig(name="adamw"))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert optimizer.defaults["fused"] is True
