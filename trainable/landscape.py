"""``python -m trainable.landscape RUN_DIR``: the validation loss around a run's checkpoint, along one and over two directions.

Random directions, normalised filter by filter (Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets"): a step of 1 is as long
as the weights themselves, so that pictures of different runs can be compared.
"""

import argparse
import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainable.landscape_figure import draw_line, draw_plane
from trainable.learner import Learner
from trainable.load_run import load_learner
from trainable.loss_slices import Point, coordinates, filter_normalised, line, plane
from trainable.spec.atomic_write import write_bytes
from trainable.spec.command import run_command
from trainable.spec.mistakes import EXIT_DONE, WrongRequest
from trainable.spec.run_dir import RunDir


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes ``landscape.parquet`` and ``plots/landscape_{1d,2d}.png`` in the run directory."""
    parser = argparse.ArgumentParser(prog="python -m trainable.landscape", description="Slices of the loss around a run's checkpoint.")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--checkpoint", default="best", help="best, final or a step")
    parser.add_argument("--points", type=int, default=21, help="points along each direction, odd (default: 21; the plane has its square)")
    parser.add_argument("--radius", type=float, default=1.0, help="largest step, as a multiple of the weights' own norm (default: 1)")
    parser.add_argument("--batches", type=int, default=2, help="validation batches for each point (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the directions; the same for runs that are compared (default: 0)")
    given = parser.parse_args(arguments)
    if mistakes := _mistakes(given):
        raise WrongRequest(mistakes)
    run_dir = RunDir(given.run)
    learner = load_learner(run_dir, given.checkpoint)
    on_line, on_plane = scan(learner, coordinates(given.points, given.radius), given.batches, given.seed)
    facts = {"checkpoint": given.checkpoint, "seed": str(given.seed), "batches": str(given.batches), "run": run_dir.experiment_id}
    title = f"{run_dir.experiment_id}, {given.checkpoint} checkpoint, directions of seed {given.seed}"
    write_bytes(run_dir.path / "landscape.parquet", as_parquet(on_line, on_plane, facts))
    write_bytes(run_dir.plots / "landscape_1d.png", draw_line(on_line, title))
    write_bytes(run_dir.plots / "landscape_2d.png", draw_plane(on_plane, title))
    print(f"{len(on_line)} points along one direction, {len(on_plane)} over two, in {run_dir.path}")
    print("written: landscape.parquet, plots/landscape_1d.png, plots/landscape_2d.png")
    return EXIT_DONE


def _mistakes(given: argparse.Namespace) -> list[str]:
    odd = given.points >= 3 and given.points % 2 == 1
    rules = [
        (odd, f"--points {given.points} must be odd and at least 3, so that the checkpoint is one of them"),
        (math.isfinite(given.radius) and given.radius > 0, f"--radius {given.radius} must be finite and above 0"),
        (given.batches > 0, f"--batches {given.batches} must be above 0"),
        (0 <= given.seed < 2**63 - 1, f"--seed {given.seed} must lie in [0, 2**63 - 1)"),
    ]
    return [sentence for holds, sentence in rules if not holds]


def scan(learner: Learner, places: Sequence[float], batches: int, seed: int) -> tuple[list[Point], list[Point]]:
    """The points of the line and of the plane; the learner's weights are as they were when it returns."""
    weights = [parameter for parameter in learner.model.parameters() if parameter.requires_grad]
    first, second = (filter_normalised(weights, number) for number in (seed, seed + 1))

    def loss() -> float:
        return learner.score(learner.data.val, batches).loss

    return list(line(loss, weights, first, places)), list(plane(loss, weights, (first, second), places))


def as_parquet(on_line: Sequence[Point], on_plane: Sequence[Point], facts: dict[str, str]) -> bytes:
    """Columns slice (1d or 2d), x, y (null in 1d) and loss (null where it is not finite); units and `facts` in the metadata."""
    points = [("1d", point) for point in on_line] + [("2d", point) for point in on_plane]
    of_step, of_loss = {"unit": "norm of the weights' filters"}, {"unit": "nats/token"}
    schema = pa.schema(
        [
            pa.field("slice", pa.string(), nullable=False),
            pa.field("x", pa.float64(), nullable=False, metadata=of_step),
            pa.field("y", pa.float64(), metadata=of_step),
            pa.field("loss", pa.float64(), metadata=of_loss),
        ],
        metadata=facts,
    )
    rows = [(name, p.x, p.y, p.loss if math.isfinite(p.loss) else None) for name, p in points]
    table = pa.table([pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)], schema=schema)
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(run_command(main))
