"""``python -m trainable.profile_memory [overrides]``: the memory of one configuration, predicted and measured, part by part."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trainable.memory import MemoryPrediction, predict
from trainable.memory_figure import draw_memory
from trainable.memory_profile import MeasuredMemory, measure
from trainable.request import request_run
from trainable.spec.atomic_write import write_bytes, write_json
from trainable.spec.command import run_command
from trainable.spec.compose import to_plain
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import EXIT_DONE, WrongRequest
from trainable.spec.writable_folder import writable_mistakes

_MB = 1e6
PARTS = ("weights", "gradients", "optimizer_state", "activations", "process", "peak")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table and writes a JSON file and a figure of the same."""
    parser = argparse.ArgumentParser(prog="python -m trainable.profile_memory", description="Predict and measure memory, part by part.")
    parser.add_argument("overrides", nargs="*", help="group=choice and key.path=value")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: profiles in the results folder")
    given = parser.parse_args(arguments)
    config = request_run(given.overrides)
    out = given.out or Path(config.experiment.results_dir) / "profiles"
    if mistakes := writable_mistakes(str(out), "--out " if given.out else "experiment.results_dir="):
        raise WrongRequest(mistakes)
    print(f"measuring two training steps of {name_of(config)}", flush=True)
    measured = measure(config)
    predicted = predict(config, measured.device)
    stem = out / name_of(config)
    rows = compared(predicted, measured)
    Console(highlight=False).print(_table(name_of(config), rows))
    write_json(stem.with_suffix(".json"), as_json(config, predicted, measured))
    write_bytes(stem.with_suffix(".png"), draw_memory(_bars(predicted, measured), name_of(config)))
    print(f"written: {stem.with_suffix('.json')} and .png")
    return EXIT_DONE


def name_of(config: RunConfig) -> str:
    """``tiny-adamw-8x64``: model, optimizer, sequences and tokens of a micro-batch."""
    training = config.training
    return f"{config.model.name}-{config.optimizer.name}-{training.micro_batch_size or training.batch_size}x{config.model.context_length}"


def compared(predicted: MemoryPrediction | None, measured: MeasuredMemory) -> list[tuple[str, int | None, int]]:
    """(part, predicted bytes, measured bytes); the peak is what the device's own meter is to show."""
    plan = _parts(predicted) if predicted else {}
    return [(part, plan.get(part), _parts(measured)[part]) for part in PARTS]


def as_json(config: RunConfig, predicted: MemoryPrediction | None, measured: MeasuredMemory) -> dict[str, Any]:
    """Both, and predicted / measured - 1 for each part; null where there is no prediction."""
    return {
        "predicted": asdict(predicted) | {"peak_bytes": _parts(predicted)["peak"]} if predicted else None,
        "measured": measured.as_json(),
        "relative_difference": {part: plan / found - 1 if plan and found else None for part, plan, found in compared(predicted, measured)},
        "config": to_plain(config),
    }


def _parts(memory: MemoryPrediction | MeasuredMemory) -> dict[str, int]:
    of_process = isinstance(memory, MemoryPrediction) and memory.device == "cuda"
    peak = memory.tensors_peak_bytes if of_process else memory.peak_bytes  # type: ignore[union-attr]
    return {part: peak if part == "peak" else getattr(memory, f"{part}_bytes") for part in PARTS}


def _bars(predicted: MemoryPrediction | None, measured: MeasuredMemory) -> dict[str, dict[str, float]]:
    bars = {}
    for name, memory in (("predicted", predicted), ("measured", measured)):
        if memory is None:
            continue
        parts = _parts(memory)
        process = 0 if memory.device == "cuda" else parts["process"]
        rest = parts["peak"] - process - parts["weights"] - parts["optimizer_state"]
        sizes = {
            "process": process,
            "weights": parts["weights"],
            "optimizer state": parts["optimizer_state"],
            "activations and gradients": rest,
        }
        bars[name] = {part: size / _MB for part, size in sizes.items()}
    return bars


def _table(title: str, rows: list[tuple[str, int | None, int]]) -> Table:
    table = Table(title=f"Memory of {title} [MB]", title_justify="left", box=None, pad_edge=False)
    table.add_column("part")
    for column in ("predicted", "measured", "difference"):
        table.add_column(column, justify="right")
    for part, plan, found in rows:
        difference = "" if plan is None or not found else f"{plan / found - 1:+.1%}"
        table.add_row(part.replace("_", " "), "-" if plan is None else f"{plan / _MB:,.2f}", f"{found / _MB:,.2f}", difference)
    return table


if __name__ == "__main__":
    sys.exit(run_command(main))
