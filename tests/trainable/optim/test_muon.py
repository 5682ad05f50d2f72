import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon

from trainable.optim.build import build_optimizer
from trainable.spec.config import OptimizerConfig


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.token_embeddings = nn.Embedding(12, 8)
        self.hidden = nn.Linear(8, 6)
        self.stack = nn.Parameter(torch.randn(2, 6, 6))
        self.lm_head = nn.Linear(6, 12, bias=False)


def set_gradients(model: nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=generator)


def steps(model: nn.Module, *optimizers: torch.optim.Optimizer) -> list[Tensor]:
    for step in range(5):
        set_gradients(model, step)
        for optimizer in optimizers:
            optimizer.step()
    return [p.detach() for p in model.parameters()]


def test_is_torchs_muon_for_hidden_matrices_and_adamw_for_the_rest() -> None:
    found, expected = Small(), Small()
    config = OptimizerConfig(name="muon", lr=0.01, weight_decay=0.1, momentum=0.9, betas=[0.8, 0.95], eps=1e-6)
    ours = steps(found, build_optimizer(found, config))
    settings = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6}
    theirs = steps(
        expected,
        Muon([expected.hidden.weight], lr=0.01, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw"),
        AdamW([expected.token_embeddings.weight, expected.stack, expected.lm_head.weight], weight_decay=0.1, fused=True, **settings),
        AdamW([expected.hidden.bias], weight_decay=0.0, fused=True, **settings),
    )
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("kept", ["hidden", "lm_head"])
def test_a_model_may_have_only_one_of_the_two_kinds(kept: str) -> None:
    model = Small().requires_grad_(False)
    weight = getattr(model, kept).weight.requires_grad_()
    before = weight.detach().clone()
    optimizer = build_optimizer(model, OptimizerConfig(name="muon", lr=0.01))
    steps(model, optimizer)
    assert [group["algorithm"] for group in optimizer.param_groups] == ["muon" if kept == "hidden" else "adamw"]
    assert not torch.equal(weight, before)


def test_a_closure_gives_the_loss() -> None:
    model = Small()
    set_gradients(model, 0)
    assert build_optimizer(model, OptimizerConfig(name="muon")).step(lambda: 3.0) == 3.0
