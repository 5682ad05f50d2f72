"""A training step of ours beside Hugging Face's model of the same shape with the plain PyTorch recipe, and beside the machine's own limit.

The limit is the rate of a large matrix product by the kernels that our model uses, measured in the same run with the same precision
and threads. Ours is the loop of `trainable.trainer` without evaluations: batches, step, and the metrics of a step that is logged; on a
GPU compiled, on a CPU both as it is and compiled.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.benchmark import Benchmark, Outcome, Ratio
from benchmarks.timing import CPU, WALL, medians, take_turns, take_turns_by
from trainable.data.prepare import prepare
from trainable.model.size import flops_per_token, parameter_count
from trainable.request import request_run
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest

# Sequences in a batch, by preset.
ON_CPU = {"tiny": 8, "cs336": 2}
ON_GPU = {"gpt2-small": 32, "gpt2-medium": 16, "llama-1b": 8}
# So small that a GPU waits for Python: measured with a graph's start too.
SMALL = {"micro": 8, "tiny": 8}
CPU_FACTOR, GPU_FACTOR, UTILISATION, METRICS_SHARE = 1.2, 1.3, 0.5, 0.98
PEER = "Hugging Face's model and the plain PyTorch recipe"
NO_GPU = "no CUDA device here"
_MATRIX_ROWS = {"cpu": 2048, "cuda": 8192}
_MOST_STEPS = 1_000_000
# Turns of each: fewer where a step takes half a second.
_ROUNDS, _FEWER_ROUNDS = 9, {"cs336": 3}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", nargs="+", metavar="PRESET", help=f"CPU: {' '.join(ON_CPU)}; GPU: {' '.join(ON_GPU)}; all that fit here"
    )
    parser.add_argument("--rounds", type=int, help=f"turns of each; medians count; {_ROUNDS}, for large models fewer, by default")
    parser.add_argument("--steps", type=int, default=10, help="steps in a turn, one of which is logged")
    parser.add_argument("--matrix", type=int, help="rows of the square matrices of the limit; large enough for it by default")
    parser.add_argument(
        "--eager-only", action="store_true", help="leave out what is measured compiled beside; a CPU needs a C++ compiler for it"
    )
    parser.add_argument("--graphs", action="store_true", help="with CUDA graphs too, as small models are on a GPU; no effect on a CPU")
    parser.add_argument("overrides", nargs="*", help="of the runs, such as training.batch_size=1 training.num_threads=2")


def _run(given: argparse.Namespace) -> Outcome:
    import torch

    least = {"--rounds": given.rounds, "--steps": given.steps}
    if wrong := [f"{option} {value}: at least 1 is needed" for option, value in least.items() if value is not None and value < 1]:
        raise WrongRequest(wrong)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    here, elsewhere = ({**SMALL, **ON_GPU}, {}) if device.type == "cuda" else (ON_CPU, ON_GPU)
    configs = {name: _config(name, here.get(name, 1), device.type, given.overrides) for name in given.models or here}
    ratios: dict[str, Ratio] = {}
    measured: dict[str, Any] = {}
    for name, config in configs.items():
        prepare(config.data)
        measured[name] = _measure(config, device, given, given.rounds or _FEWER_ROUNDS.get(name, _ROUNDS))
        ratios |= _ratios(name, measured[name], device.type)
    if device.type == "cpu":
        missing = {f"{name}, tokens/s": Ratio(None, PEER, aim=GPU_FACTOR, note=NO_GPU) for name in elsewhere}
        missing["gpt2-small, utilisation"] = Ratio(None, "a large matrix product", aim=UTILISATION, note=NO_GPU)
        ratios = {**missing, **ratios}
    settings = {"steps": given.steps, "overrides": given.overrides, "torch_threads": torch.get_num_threads()}
    return Outcome(ratios, measured, settings, torch.cuda.get_device_name() if device.type == "cuda" else "cpu")


def _config(model: str, batch_size: int, device: str, overrides: list[str]) -> RunConfig:
    base = [f"model={model}", f"training.batch_size={batch_size}", f"training.max_steps={_MOST_STEPS}", f"training.device={device}"]
    return request_run([*base, *(["training.compile=true"] if device == "cuda" else []), *overrides])


def _measure(config: RunConfig, device: Any, given: argparse.Namespace, rounds: int) -> dict[str, Any]:
    from benchmarks.peer_models import peer_step
    from trainable.learner import Learner
    from trainable.step_metrics import StepMetrics

    learner, rows = Learner(config), given.matrix or _MATRIX_ROWS[device.type]
    meter, peer = StepMetrics(learner), peer_step(config, learner.data.train, device, learner.autocast)
    turns: dict[str, Callable[[], Any]] = {
        "ours": lambda: _train(learner, given.steps, meter),
        "ours_without_metrics": lambda: _train(learner, given.steps),
        "peer": lambda: [peer() for _ in range(given.steps)],
        "matmul": _product(rows, device, learner.autocast),
    }
    turns |= {name: _loop(other, given.steps) for name, other in _variants(config, device.type, given).items()}
    take_turns(turns, 1)  # kernels, memory and compiled graphs are found by the first steps
    tokens = given.steps * learner.tokens_per_step
    # On a machine with other work the CPU's own time says more.
    clocks = {"wall": WALL, **({"cpu": CPU} if device.type == "cpu" else {})}
    found = {clock: _rates(times, tokens, config, rows) for clock, times in take_turns_by(clocks, turns, rounds).items()}
    return {"parameters": parameter_count(config.model), "batch_size": config.training.batch_size, "rounds": rounds, **found}


def _variants(config: RunConfig, device: str, given: argparse.Namespace) -> dict[str, RunConfig]:
    """Other ways to take the same step: compiled on a CPU; of a small model on a GPU by a graph, compiled and not, and plainly."""
    asked: dict[str, dict[str, bool]] = {}
    if device == "cpu" and not given.eager_only:
        asked["ours_compiled"] = {"compile": True}
    if given.graphs or (device == "cuda" and config.model.name in SMALL):
        asked |= {"ours_eager": {"compile": False}, "ours_eager_graph": {"compile": False, "cuda_graphs": True}}
        asked |= {} if given.eager_only else {"ours_compiled_graph": {"compile": True, "cuda_graphs": True}}
    return {name: replace(config, training=replace(config.training, **settings)) for name, settings in asked.items()}


def _loop(config: RunConfig, steps: int) -> Callable[[], None]:
    from trainable.learner import Learner
    from trainable.step_metrics import StepMetrics

    learner = Learner(config)
    meter = StepMetrics(learner)
    return lambda: _train(learner, steps, meter)


def _train(learner: Any, steps: int, meter: Any = None) -> None:
    """`steps` steps as the trainer takes them, the last one logged if there is a meter."""
    import torch

    on_cpu = learner.device.type == "cpu"
    if meter is not None:
        meter.restart_clock(0)
    for step in range(1, steps + 1):
        logged = meter is not None and step == steps
        numbers = learner.take_step(step, measure_update=logged)
        if meter is not None and on_cpu and not bool(numbers.finite):
            raise RuntimeError("the benchmark's run diverged")
        if logged:
            meter.read(step, numbers)
    if not on_cpu:
        torch.cuda.synchronize()


def _product(rows: int, device: Any, dtype: Any) -> Callable[[], Any]:
    import torch

    from trainable.model.linear import Linear

    layer = Linear(rows, rows, bias=False).to(device, dtype or torch.float32)
    x = torch.randn(rows, rows, device=device, dtype=dtype or torch.float32)

    @torch.no_grad()
    def multiply() -> None:
        layer(x)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return multiply


def _rates(times: dict[str, list[float]], tokens: int, config: RunConfig, rows: int) -> dict[str, Any]:
    """Tokens per second, the product's FLOP/s, and model-FLOP utilisation: the share of the latter that a step's FLOPs reach."""
    typical = medians(times)
    limit = 2.0 * rows**3 / typical["matmul"]
    found: dict[str, Any] = {"seconds": times, "matmul_flops_per_second": limit}
    for name in typical.keys() - {"matmul"}:
        speed = tokens / typical[name]
        found[name] = {"tokens_per_second": speed, "utilisation": speed * flops_per_token(config.model) / limit}
    return found


def _ratios(model: str, found: dict[str, Any], device: str) -> dict[str, Ratio]:
    ratios: dict[str, Ratio] = {}
    for clock in ("wall", "cpu") if device == "cpu" else ("wall",):
        rates, name = found[clock], model if clock == "wall" else f"{model}, CPU time"
        ours, peer, bare = (rates[which]["tokens_per_second"] for which in ("ours", "peer", "ours_without_metrics"))
        ratios[f"{name}, tokens/s"] = Ratio(ours / peer, PEER, aim=GPU_FACTOR if device == "cuda" else CPU_FACTOR)
        aim = UTILISATION if device == "cuda" and model == "gpt2-small" else None
        ratios[f"{name}, utilisation"] = Ratio(rates["ours"]["utilisation"], "a large matrix product", aim=aim)
        for variant in sorted(rates.keys() & {"ours_compiled", "ours_eager", "ours_eager_graph", "ours_compiled_graph"}):
            shown = variant.removeprefix("ours_").replace("_", ", ")
            ratios[f"{name}, {shown}, tokens/s"] = Ratio(rates[variant]["tokens_per_second"] / peer, PEER)
        ratios[f"{name}, with metrics"] = Ratio(ours / bare, "the same loop without metrics", aim=METRICS_SHARE)
    return ratios


TRAIN_STEP = Benchmark("how fast is a training step, beside a plain recipe and beside the machine's limit?", _run, _arguments)
