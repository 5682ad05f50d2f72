"""Time and bytes of an optimizer's step: every registered one beside torch's fused AdamW, bitsandbytes and torchao."""

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.timing import CPU, WALL, medians, take_turns, take_turns_by
from trainable.model.size import parameter_count
from trainable.request import request_run
from trainable.spec.compose import choices
from trainable.spec.mistakes import WrongRequest, unknown

FUSED = "torch's fused AdamW"
HYBRID_LEAST = 1 / 1.3
NO_GPU = "no CUDA device here"


def _names() -> list[str]:
    """The presets of optimizers: every registered one, the hybrid in each of its forms."""
    return choices("optimizer")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="preset whose parameters are stepped; cs336 on a CPU, gpt2-small on a GPU")
    parser.add_argument("--optimizers", nargs="+", metavar="PRESET", help="all by default")
    parser.add_argument("--rounds", type=int, default=7, help="steps of each; medians count")
    parser.add_argument("overrides", nargs="*", help="of the model, such as model.d_model=64")


def _run(given: argparse.Namespace) -> Outcome:
    import torch

    names = given.optimizers or _names()
    if wrong := [unknown("optimizer preset", name, _names()) for name in names if name not in _names()]:
        raise WrongRequest(wrong)
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    base = [f"model={given.model or ('gpt2-small' if on_gpu else 'cs336')}", *given.overrides]
    makers: dict[str, Callable[[Any], Any]] = {name: _registered([*base, f"optimizer={name}"]) for name in names} | _peers()
    steps, sizes = {}, {}
    for name, make in makers.items():
        steps[name], sizes[name] = _stepping(make, base, device)
    take_turns(steps, 1)
    times = take_turns_by({"seconds": WALL, **({} if on_gpu else {"cpu_seconds": CPU})}, steps, given.rounds)
    parameters = parameter_count(request_run(base).model)
    measured = {
        "parameters": parameters,
        "bytes_per_parameter": {name: size / parameters for name, size in sizes.items()},
        "ns_per_parameter": {clock: {n: t / parameters * 1e9 for n, t in medians(found).items()} for clock, found in times.items()},
        **times,
        "not_installed": [name for name in ("bitsandbytes", "torchao") if find_spec(name) is None],
    }
    settings = {"model": base[0].partition("=")[2], "overrides": given.overrides, "rounds": given.rounds}
    settings |= {"torch_threads": torch.get_num_threads()}
    return Outcome(_ratios(measured, on_gpu), measured, settings, torch.cuda.get_device_name() if on_gpu else "cpu")


def _registered(overrides: list[str]) -> Callable[[Any], Any]:
    from trainable.optim.build import build_optimizer

    config = request_run(overrides)
    return lambda model: build_optimizer(model, config.optimizer)


def _peers() -> dict[str, Callable[[Any], Any]]:
    """Others' optimizers as their documentation builds them; those that are not installed are left out."""
    import torch

    peers: dict[str, Callable[[Any], Any]] = {"torch_adamw_fused": lambda model: torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)}
    if find_spec("bitsandbytes") is not None:
        import bitsandbytes

        peers["bitsandbytes_adamw8bit"] = lambda model: bitsandbytes.optim.AdamW8bit(model.parameters(), lr=1e-3)
    if find_spec("torchao") is not None:
        torchao_optim = import_module("torchao.optim")
        peers["torchao_adamw8bit"] = lambda model: torchao_optim.AdamW8bit(model.parameters(), lr=1e-3)
        peers["torchao_adamw4bit"] = lambda model: torchao_optim.AdamW4bit(model.parameters(), lr=1e-3)
    return peers


def _stepping(make: Callable[[Any], Any], base: list[str], device: Any) -> tuple[Callable[[], None], int]:
    """A step on gradients that stay as they are, on a GPU waited for; and the bytes of state that the first step left."""
    import torch

    from trainable.model.registry import build_model

    torch.manual_seed(0)
    model = build_model(request_run(base).model).to(device)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * 1e-2
    optimizer = make(model)

    def step() -> None:
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    step()
    return step, _state_bytes(optimizer)


def _state_bytes(optimizer: Any) -> int:
    """Bytes of all state tensors; shared ones count once."""
    import torch

    found: dict[int, int] = {}

    def look(value: Any) -> None:
        if hasattr(value, "__tensor_flatten__"):  # a wrapper, as torchao's: what it holds has the bytes
            for name in value.__tensor_flatten__()[0]:
                look(getattr(value, name))
        elif isinstance(value, torch.Tensor):
            found[value.data_ptr()] = value.numel() * value.element_size()
        elif isinstance(value, Mapping):
            for item in value.values():
                look(item)

    look(optimizer.state)
    return sum(found.values())


def _ratios(measured: dict[str, Any], on_gpu: bool) -> dict[str, Ratio]:
    ratios: dict[str, Ratio] = {}
    for clock in ("seconds", "cpu_seconds"):
        for name, typical in medians(measured.get(clock, {})).items():
            fused = medians(measured[clock])["torch_adamw_fused"]
            if name != "torch_adamw_fused":
                aim = HYBRID_LEAST if on_gpu and name.startswith("hybrid") else None
                ratios[f"{name}, {'wall' if clock == 'seconds' else 'CPU'} time"] = Ratio(fused / typical, FUSED, aim=aim)
    if not on_gpu:
        ratios["hybrid on a GPU"] = Ratio(None, FUSED, aim=HYBRID_LEAST, note=NO_GPU)
    return ratios


OPTIMIZER_STEP = Benchmark("what does an optimizer's step cost, in time and in bytes?", _run, _arguments)
