"""Tables of gates and landscapes beside trials.parquet."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from subspace_on_disk import add_run, bounds_of, empty_study, method_values
from sweep_on_disk import LR, SweepBuilder

from analysis.figures.loss_landscape import figure, slices
from analysis.gates import gates_in, layer_of, read_gates
from analysis.landscape import landscape_in
from analysis.load import load_sweep
from analysis.study import Study
from analysis.summarize import summarize


def study_of(sweep: SweepBuilder) -> Study:
    loaded = load_sweep(sweep.write())
    return Study(loaded.statement, summarize(loaded), loaded.directory.metrics)


def scan(path: Path, *, plane: bool = True) -> None:
    """A landscape as `trainable.landscape` writes it: 3 points on a line and 3 x 3 in a plane, one of them not finite."""
    line = [("1d", x, None, 5.0 + x * x) for x in (-1.0, 0.0, 1.0)]
    square = [("2d", x, y, None if x == y == 1.0 else 5.0 + x * x + 2 * y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)]
    columns = list(zip(*(line + square * plane), strict=True))
    types = (pa.string(), pa.float64(), pa.float64(), pa.float64())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, names=["slice", "x", "y", "loss"]), path)


def test_gates_stand_by_trial_and_depth_with_their_unit(tmp_path: Path) -> None:
    sweep = empty_study(tmp_path)
    trial = add_run(sweep, method_values(1000, "learned", None), 42, bounds_of(1000, 4, 42), {"head": 0.9, "10": 0.3, "2": 0.1})
    add_run(sweep, method_values(1000, "uniform", None), 42, bounds_of(1000, 0, 42), {})
    study_of(sweep)
    rows = gates_in(sweep.directory.path)
    assert [(row["trial"], row["seed"], row["group"], row["layer"], row["gate"]) for row in rows] == [
        (trial, 42, "2", 2, 0.1),
        (trial, 42, "10", 10, 0.3),
        (trial, 42, "head", None, 0.9),
    ]
    assert pq.read_schema(sweep.directory.path / "gates.parquet").field("gate").metadata[b"unit"] == b"1"


def test_without_gates_there_is_no_table_and_an_old_one_goes(tmp_path: Path) -> None:
    sweep = empty_study(tmp_path)
    trial = add_run(sweep, method_values(1000, "learned", None), 42, bounds_of(1000, 4, 42), {"0": 0.9})
    study_of(sweep)
    assert (sweep.directory.path / "gates.parquet").exists()
    (sweep.run_dir(trial).path / "bounds_metrics.json").unlink()
    study_of(sweep)
    assert not (sweep.directory.path / "gates.parquet").exists()
    assert gates_in(sweep.directory.path) == []


@pytest.mark.parametrize(
    ("content", "gates"),
    [
        ('{"gates": {"0": 0.25, "1": 1, "2": true, "3": "x", "4": 1.5, "5": null}}', {"0": 0.25, "1": 1.0}),
        ('{"gates": [1]}', {}),
        ("[]", {}),
        ('{"gates": {"0": 0.2', {}),
        ("", {}),
    ],
)
def test_only_shares_are_gates(tmp_path: Path, content: str, gates: dict[str, float]) -> None:
    path = tmp_path / "bounds_metrics.json"
    path.write_text(content)
    assert read_gates(path) == gates


def test_the_layer_of_a_group() -> None:
    assert {group: layer_of(group) for group in ("7", "layers.3", "h.11.attn", "head", "misc", "lm_head2")} == {
        "7": 7,
        "layers.3": 3,
        "h.11.attn": 11,
        "head": None,
        "misc": None,
        "lm_head2": None,
    }


def test_landscapes_of_scanned_runs_are_gathered_and_drawn(sweep: SweepBuilder) -> None:
    other, base = sweep.trial({LR: 0.01}), sweep.trial({LR: 0.003})
    damaged = sweep.trial({LR: 0.1})
    scan(sweep.run_dir(other).path / "landscape.parquet", plane=False)
    scan(sweep.run_dir(base).path / "landscape.parquet")
    (sweep.run_dir(damaged).path / "landscape.parquet").write_bytes(b"PAR1")
    study = study_of(sweep)
    assert landscape_in(sweep.directory.path).num_rows == 3 + 3 + 9
    first, second = slices(study)
    assert (first.trial, second.trial) == (base, other)
    assert (first.x.tolist(), first.loss.tolist()) == ([-1.0, 0.0, 1.0], [6.0, 5.0, 6.0])
    assert first.plane[0].tolist() == [4.0, 3.0, 4.0]
    assert str(first.plane[2].tolist()) == "[8.0, 7.0, nan]"
    assert second.plane.size == 0
    drawn = figure(study)
    assert drawn is not None
    assert len(drawn.axes) == 3


def test_a_damaged_table_is_named(sweep: SweepBuilder) -> None:
    directory = sweep.write().path
    for name, read in (("gates.parquet", gates_in), ("landscape.parquet", landscape_in)):
        (directory / name).write_bytes(b"no table")
        with pytest.raises(ValueError, match=name):
            read(directory)
