"""A training step in a subspace beside a LoRA's, of the same model and batch: what rebuilding theta0 + P z in each forward pass costs."""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.timing import CPU, WALL, medians, take_turns
from trainable.request import request_run
from trainable.spec.config import RunConfig

LEAST = 0.8
_SHARED = ["adapter.rank=4", "adapter.dropout=0.1", "adapter.target_modules=[q_proj,v_proj,lm_head]", "adapter.alpha=32"]
_ALLOCATIONS = {
    "uniform": ["adapter.allocation=uniform"],
    "fixed": ["adapter.allocation=fixed", "adapter.allocation_ratio=0.5"],
    "learned": ["adapter.allocation=learned"],
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="gpt2-small", help="preset of the model")
    parser.add_argument("--rounds", type=int, default=10, help="steps of each; medians count")
    parser.add_argument("overrides", nargs="*", help="of the run, such as training.batch_size=1 model.context_length=128")


def _run(given: argparse.Namespace) -> Outcome:
    import torch

    base = [f"model={given.model}", *given.overrides]
    wanted = {"lora": ["adapter=lora"], **{name: ["adapter=sublora", *allocation] for name, allocation in _ALLOCATIONS.items()}}
    configs = {name: request_run([*base, *more, *_SHARED]) for name, more in wanted.items()}
    on_gpu = torch.cuda.is_available()
    steps = {name: _step(config, "cuda" if on_gpu else "cpu") for name, config in configs.items()}
    take_turns(steps, 2)  # kernels and memory are found by the first steps
    times = {"seconds": take_turns(steps, given.rounds, WALL)}
    if not on_gpu:
        times["cpu_seconds"] = take_turns(steps, given.rounds, CPU)
    return Outcome(
        {f"{name}, {clock}": _ratio(measured, name) for clock, measured in times.items() for name in _ALLOCATIONS},
        times,
        {"model": given.model, "overrides": given.overrides, "rounds": given.rounds},
        torch.cuda.get_device_name() if on_gpu else "cpu",
    )


def _ratio(measured: dict[str, list[float]], name: str) -> Ratio:
    found = medians(measured)
    return Ratio(found["lora"] / found[name], "a step of LoRA", aim=LEAST)


def _step(config: RunConfig, device: str) -> Callable[[], Any]:
    """One optimizer step on a batch of random tokens, with forward and backward pass; on a GPU it is waited for."""
    import torch

    from trainable.adapters.attach import attach_adapter
    from trainable.device import autocast_dtype
    from trainable.model.registry import build_model
    from trainable.optim.build import build_optimizer
    from trainable.train_step import token_loss

    torch.manual_seed(0)
    model = attach_adapter(build_model(config.model), config.adapter).to(device)
    optimizer = build_optimizer(model, config.optimizer, config.adapter.gate_lr)
    shape = (config.training.batch_size, config.model.context_length)
    tokens = torch.randint(config.model.vocab_size, shape, device=device)
    autocast = autocast_dtype(config.training.precision, torch.device(device))

    def step() -> None:
        token_loss(model, tokens, tokens.roll(-1, 1), autocast).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


SUBSPACE_STEP = Benchmark("what does a training step in a subspace cost beside one of LoRA?", _run, _arguments)
