"""Recorded passes, with a recorder that does on a CPU what a CUDA graph does: the same operations again, on the same memory."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.trainable.run_rows import rows
from trainable import learner
from trainable.cuda_graphs import WARM_UP_PASSES, RecordedPasses, recorder_of
from trainable.data.prepare import prepare
from trainable.distributed import World
from trainable.memory import predict
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.compose import choices
from trainable.spec.mistakes import WrongRequest
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
CPU = torch.device("cpu")


class Tape(TorchDispatchMode):
    """Notes every operation with its tensors; `run` does them again and leaves the results where the first ones were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, found))
        return found

    @torch.no_grad()
    def run(self) -> None:
        for func, args, kwargs, found in self.calls:
            for old, new in zip(tree_leaves(found), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def taped(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    for _ in range(WARM_UP_PASSES):
        work()
    with Tape() as tape:
        result = work()
    return tape.run, result


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each run that wanted graphs and got tapes."""
    found: list[bool] = []

    def recorder(wanted: bool, _device: torch.device, _world: World) -> object:
        found.extend([True] * wanted)
        return taped if wanted else None

    monkeypatch.setattr(learner, "recorder_of", recorder)
    return found


def run(overrides: list[str], folder: Path, until: int = 1_000) -> Trainer:
    config = request_run(overrides)
    prepare(config.data)
    trainer = Trainer(config, RunDir(folder), RunIdentity("cell-s1", "cell", 1, ""))
    try:
        while not trainer.done and trainer.step < until:
            trainer.advance()
            assert trainer.done or all(parameter.grad is None for parameter in trainer.learner.model.parameters())
    finally:
        trainer.close()
    return trainer


@pytest.mark.parametrize(
    "shape",
    [
        *([f"optimizer={name}", "model.d_model=64", "model.d_ff=128"] for name in choices("optimizer")),
        ["training.micro_batch_size=1"],
        ["training.precision=bf16"],
        ["model.tied_embeddings=true", "model.architecture=gpt2"],
        ["adapter=lora", "adapter.dropout=0", "adapter.target_modules=[q_proj,v_proj]"],
        ["adapter=sublora", "adapter.dropout=0", "adapter.intrinsic_dim=50", "adapter.rank=2"],
    ],
    ids=" ".join,
)
def test_a_recorded_run_is_the_plain_one_to_the_last_bit(
    shape: list[str], tmp_path: Path, tiny_overrides: Overrides, recorded: list[bool]
) -> None:
    run(tiny_overrides(*shape), tmp_path / "plain")
    assert not recorded
    run(tiny_overrides(*shape, "training.cuda_graphs=true"), tmp_path / "recorded")
    assert recorded
    assert rows(tmp_path / "recorded") == rows(tmp_path / "plain")


@pytest.mark.usefixtures("recorded")
def test_recording_draws_no_random_number_so_that_a_resumed_run_is_exact(tmp_path: Path, tiny_overrides: Overrides) -> None:
    dropping = tiny_overrides("model.dropout=0.1", "training.cuda_graphs=true", "training.micro_batch_size=2")
    run(dropping, tmp_path / "whole")
    run(dropping, tmp_path / "parts", until=4)
    run(dropping, tmp_path / "parts")
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    run(tiny_overrides("model.dropout=0.1", "training.micro_batch_size=2"), tmp_path / "plain")
    assert rows(tmp_path / "plain") == rows(tmp_path / "whole")


def squares(weights: nn.Parameter) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, y: ((x * weights).sum(1) - y).square().mean()


def test_micro_batches_of_several_shapes_add_up() -> None:
    weights, x, y = nn.Parameter(torch.tensor([1.0, 2.0])), torch.randn(5, 2), torch.randn(5)
    passes = RecordedPasses([weights], squares(weights), taped)
    for _ in range(3):
        with torch.no_grad():
            weights -= 0.1
        passes.begin()
        losses = [float(passes.add(x[part], y[part], share)) for part, share in ((slice(2), 0.4), (slice(2, 4), 0.4), (slice(4, 5), 0.2))]
        loss = squares(weights)(x, y)
        torch.testing.assert_close(torch.tensor(sum(losses)), loss.detach())
        torch.testing.assert_close(weights.grad, torch.autograd.grad(loss, weights)[0])
        weights.grad = None


def test_a_parameter_that_the_loss_does_not_see_gets_no_gradient() -> None:
    seen, unseen = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    passes = RecordedPasses([unseen, seen], squares(seen), taped)
    for _ in range(2):
        passes.begin()
        passes.add(torch.ones(3, 2), torch.ones(3), 1.0)
    assert unseen.grad is None
    assert seen.grad is not None


def test_a_model_that_cannot_be_recorded_is_told(tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_work: object) -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(learner, "recorder_of", lambda *_: failing)
    with pytest.raises(
        RuntimeError, match=r"leave training\.cuda_graphs=true out: CUDA error: operation not permitted when stream is capturing$"
    ):
        run(tiny_overrides("training.cuda_graphs=true"), tmp_path)


def test_memory_that_runs_out_in_a_recording_is_told_as_that(
    tmp_path: Path, tiny_overrides: Overrides, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_work: object) -> None:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    monkeypatch.setattr(learner, "recorder_of", lambda *_: failing)
    assert run(tiny_overrides("training.cuda_graphs=true"), tmp_path).status == Status.OUT_OF_MEMORY


def test_a_cpu_has_no_graphs_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert recorder_of(False, CPU, World()) is None
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        assert recorder_of(True, CPU, World()) is None
    assert [record.getMessage() for record in caplog.records] == ["training.cuda_graphs has no effect on cpu: there is no graph to record"]


def test_several_ranks_are_refused() -> None:
    with pytest.raises(WrongRequest, match="this one has 2"):
        recorder_of(True, torch.device("cuda"), World(ranks=2))


def test_a_graph_keeps_the_memory_of_its_passes_during_the_update() -> None:
    plain, graphs = (predict(request_run(["model=tiny", f"training.cuda_graphs={given}"]), "cuda") for given in ("false", "true"))
    assert plain is not None
    assert graphs is not None
    assert graphs.peak_bytes == graphs.process_bytes + graphs.weights_bytes + graphs.optimizer_state_bytes + sum(
        (graphs.backward_bytes, graphs.update_bytes)
    )
    assert graphs.backward_bytes > plain.backward_bytes
    assert predict(request_run(["model=tiny", "training.cuda_graphs=true"]), "cpu") == predict(request_run(["model=tiny"]), "cpu")
