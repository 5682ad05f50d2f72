"""Slices through the loss: directions of the weights' scale, exact centres, and weights that are put back."""

import io
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from trainable.data.prepare import prepare
from trainable.landscape import as_parquet, main, scan
from trainable.landscape_figure import draw_line, draw_plane
from trainable.learner import Learner
from trainable.loss_slices import Point, coordinates, filter_normalised, line, plane
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]


def test_every_filter_of_a_direction_has_the_norm_of_the_weights_filter() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(7, 5) * torch.arange(7.0).view(-1, 1), torch.randn(3, 4, 2), torch.randn(6)]
    found = filter_normalised(weights, seed=1)
    for direction, weight in zip(found[:2], weights[:2], strict=True):
        torch.testing.assert_close(direction.flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1))
    assert torch.equal(found[2], torch.zeros(6))
    assert all(torch.equal(a, b) for a, b in zip(found, filter_normalised(weights, seed=1), strict=True))
    assert not torch.equal(found[0], filter_normalised(weights, seed=2)[0])


def test_the_checkpoint_is_a_point_of_the_slice() -> None:
    assert coordinates(5, 1.0) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert coordinates(3, 0.25) == [-0.25, 0.0, 0.25]


def test_slices_of_a_quadratic_loss_are_exact_and_leave_the_weights_to_the_bit() -> None:
    weights = [torch.tensor([[1.0, 2.0]]), torch.tensor([0.1])]
    first, second = [torch.tensor([[1.0, 0.0]]), torch.zeros(1)], [torch.tensor([[0.0, 2.0]]), torch.zeros(1)]

    def loss() -> float:
        return weights[0].square().sum().item()

    before = [weight.clone() for weight in weights]
    assert list(line(loss, weights, first, [-1.0, 0.0, 1.0])) == [Point(-1.0, None, 4.0), Point(0.0, None, 5.0), Point(1.0, None, 8.0)]
    found = {(point.x, point.y): point.loss for point in plane(loss, weights, (first, second), [-1.0, 0.0, 1.0])}
    assert found == {(x, y): (1 + x) ** 2 + (2 + 2 * y) ** 2 for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)}
    assert all(torch.equal(a, b) for a, b in zip(weights, before, strict=True))


def test_a_loss_that_fails_leaves_the_weights_as_they_were() -> None:
    weights = [torch.ones(1, 2)]
    with pytest.raises(ZeroDivisionError):
        list(line(lambda: 1 / 0, weights, [torch.ones(1, 2)], [0.5]))
    assert torch.equal(weights[0], torch.ones(1, 2))


def test_the_centre_of_both_slices_is_the_loss_of_the_model(tiny_overrides: Overrides) -> None:
    config = request_run(tiny_overrides("model.tied_embeddings=true"))
    prepare(config.data)
    learner = Learner(config)
    expected = learner.score(learner.data.val, 1).loss
    on_line, on_plane = scan(learner, [-0.5, 0.0, 0.5], batches=1, seed=0)
    assert on_line[1].loss == expected == on_plane[4].loss == learner.score(learner.data.val, 1).loss
    assert [point.loss for point in on_plane[3:6]] == [point.loss for point in on_line]
    assert all(point.loss != expected for point in on_line if point.x != 0)


def test_the_command_writes_a_table_and_two_pictures_into_the_run(tmp_path: Path, tiny_overrides: Overrides) -> None:
    run_dir = RunDir(tmp_path / "run")
    config = request_run(tiny_overrides("training.max_steps=4"))
    prepare(config.data)
    trainer = Trainer(config, run_dir, RunIdentity(trial="cell-s1", cell="cell", seed=1))
    loss = trainer.advance().metrics["eval/loss"]
    trainer.close()
    assert main([str(run_dir.path), "--points", "3", "--batches", str(config.training.eval_batches)]) == 0
    table = pq.read_table(run_dir.path / "landscape.parquet")
    assert table.column_names == ["slice", "x", "y", "loss"]
    assert table.schema.field("loss").metadata == {b"unit": b"nats/token"}
    rows = table.to_pylist()
    assert [row["slice"] for row in rows] == ["1d"] * 3 + ["2d"] * 9
    assert [row["loss"] for row in rows if row["x"] == 0 and not row["y"]] == [loss, loss]
    for name in ("landscape_1d.png", "landscape_2d.png"):
        assert (run_dir.plots / name).read_bytes().startswith(b"\x89PNG")


def test_a_loss_beyond_all_numbers_is_missing() -> None:
    on_line = [Point(-1.0, None, math.inf), Point(0.0, None, 1.0), Point(1.0, None, 2.0)]
    on_plane = [Point(x, y, math.nan if x < 0 else x + y) for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0)]
    read = pq.read_table(io.BytesIO(as_parquet(on_line, on_plane, {"seed": "0"})))
    assert read["loss"].null_count == 4
    assert read.schema.metadata[b"seed"] == b"0"
    assert draw_line(on_line, "one").startswith(b"\x89PNG")
    assert draw_plane(on_plane, "two").startswith(b"\x89PNG")
    assert draw_plane([Point(p.x, p.y, math.nan) for p in on_plane], "nothing").startswith(b"\x89PNG")


def test_wrong_arguments_are_told_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongRequest) as caught:
        main([str(tmp_path), "--points", "4", "--radius", "0", "--batches", "0", "--seed", "-1"])
    assert len(caught.value.mistakes) == 4
    with pytest.raises(WrongRequest, match="not a run directory"):
        main([str(tmp_path)])
