"""What a GPU has to do as a CPU does; each test runs on both, where there is a GPU."""

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from tests.trainable.run_rows import rows
from tests.trainable.waiting import waits
from trainable.adapters.subspace.registry import PROJECTORS
from trainable.checkpoint import load_checkpoint
from trainable.data.prepare import prepare
from trainable.lanes.engine import Engine
from trainable.lanes.lane import Lane
from trainable.lanes.lane_learner import LaneLearner
from trainable.lanes.requests import TrainRequest
from trainable.lanes.round import Round
from trainable.learner import Learner
from trainable.model.registry import build_model
from trainable.optim.build import build_optimizer
from trainable.optim.state_memory import measured_state_bytes
from trainable.request import request_run
from trainable.run_record import RunIdentity
from trainable.spec.compose import choices
from trainable.spec.config import RunConfig
from trainable.spec.run_dir import RunDir
from trainable.spec.status import Status
from trainable.trainer import Trainer

Overrides = Callable[..., list[str]]
WIDE = ["model.d_model=64", "model.d_ff=128"]  # matrices that 8-bit optimizers quantise
# Products in TF32 or other orders of sums, over a dozen steps of a small learning rate.
ACROSS_DEVICES = 5e-3

pytestmark = pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")])],
)


@pytest.fixture
def configure(device: str, tiny_overrides: Overrides) -> Callable[..., RunConfig]:
    def of(*overrides: str) -> RunConfig:
        config = request_run(tiny_overrides(f"training.device={device}", *overrides))
        prepare(config.data)
        return config

    return of


def run(config: RunConfig, folder: Path, until: int = 1_000, learn: Callable[[RunConfig], Learner] = Learner) -> Trainer:
    trainer = Trainer(config, RunDir(folder), RunIdentity("cell-s1", "cell", 1, ""), learn=learn)
    try:
        while not trainer.done and trainer.step < until:
            trainer.advance()
    finally:
        trainer.close()
    return trainer


def losses(trainer: Trainer) -> list[float]:
    return [float(row["eval/loss"] or "nan") for _, row in trainer.evaluations]


@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_every_optimizer_trains_as_on_a_cpu(optimizer: str, device: str, configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    shape = [f"optimizer={optimizer}", "training.precision=fp32", *WIDE]
    here = run(configure(*shape), tmp_path / device)
    there = run(configure(*shape, "training.device=cpu"), tmp_path / "reference")
    assert losses(here) == pytest.approx(losses(there), rel=ACROSS_DEVICES)
    assert measured_state_bytes(here.learner.optimizer) == measured_state_bytes(there.learner.optimizer)
    assert {tensor.device.type for tensor in here.learner.model.state_dict().values()} == {device}


@pytest.mark.parametrize(
    "shape",
    [
        *([f"optimizer={optimizer}"] for optimizer in choices("optimizer")),
        ["training.precision=bf16"],
        ["training.micro_batch_size=1"],
        ["training.cuda_graphs=true"],
        ["training.cuda_graphs=true", "training.micro_batch_size=1", "training.precision=bf16"],
    ],
    ids=" ".join,
)
def test_a_resumed_run_equals_an_uninterrupted_one(shape: list[str], configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    config = configure(*shape, "model.dropout=0.1", *WIDE)
    run(config, tmp_path / "whole")
    run(config, tmp_path / "parts", until=4)
    run(config, tmp_path / "parts")
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")


def test_passes_of_a_graph_are_those_without(configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    shape = ["training.micro_batch_size=2", "training.precision=bf16"]
    plain = run(configure(*shape), tmp_path / "plain")
    graphs = run(configure(*shape, "training.cuda_graphs=true"), tmp_path / "graphs")
    assert losses(graphs) == pytest.approx(losses(plain), rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "adam8bit", "hybrid4", "muon"])
def test_a_checkpoint_of_a_gpu_is_continued_on_a_cpu(optimizer: str, configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    shape = [f"optimizer={optimizer}", "training.precision=fp32", *WIDE]
    whole = run(configure(*shape), tmp_path / "whole")
    run(configure(*shape), tmp_path / "parts", until=8)
    moved = run(configure(*shape, "training.device=cpu"), tmp_path / "parts")
    assert moved.status == Status.COMPLETED
    assert losses(moved) == pytest.approx(losses(whole), rel=ACROSS_DEVICES)


@pytest.mark.parametrize(
    "shape",
    [
        *([f"optimizer={name}"] for name in choices("optimizer")),
        ["training.cuda_graphs=true"],
        ["model.architecture=gpt2", "model.tied_embeddings=true"],
        ["model.dropout=0.1", "training.precision=bf16"],
        ["adapter=lora", "adapter.target_modules=[q_proj,v_proj]"],
        *(
            ["adapter=sublora", f"adapter.projector={name}", "adapter.intrinsic_dim=50", "adapter.allocation=learned"]
            for name in PROJECTORS
        ),
    ],
    ids=" ".join,
)
def test_a_step_waits_for_nothing(shape: list[str], configure: Callable[..., RunConfig]) -> None:
    learner = Learner(configure(*shape, "training.micro_batch_size=2", *WIDE))
    learner.take_step(1, measure_update=True)
    batch = learner._batch(2)
    # Where a step is counted in a tensor that only Python reads, it lies in the host's memory on a GPU too.
    counters = [state["step"] for state in learner.optimizer.state.values() if isinstance(state.get("step"), torch.Tensor)]
    with waits(learner.device, tuple(counters)) as found:
        learner._train_step(*batch, learner.lr(2), measure_update=True)
    assert bool(found) == (shape == ["optimizer=adafactor"]), found  # torch's own reads two norms of every tensor


@contextmanager
def in_lanes(count: int) -> Iterator[tuple[Round, Callable[[Callable[[int, Lane], object]], list[object]]]]:
    together = Round(count)

    def each(work: Callable[[int, Lane], object]) -> list[object]:
        jobs = [together.submit(str(number), partial(work, number)) for number in range(count)]
        return [job.result(timeout=120) for job in jobs]

    try:
        yield together, each
    finally:
        for number in range(count):
            together.end(str(number)).result()
        together.close()


@pytest.mark.parametrize("optimizer", ["adamw", "adam8bit", "hybrid8", "muon"])
def test_lanes_have_the_curves_of_runs_alone(optimizer: str, configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    shape = [f"optimizer={optimizer}", "training.precision=fp32", *WIDE]
    configs = [configure(*shape, f"training.seed={seed}", f"optimizer.lr={1e-3 * seed}") for seed in (1, 2, 3)]
    with in_lanes(len(configs)) as (lanes, each):

        def work(number: int, lane: Lane) -> Trainer:
            return run(configs[number], tmp_path / f"lane{number}", learn=partial(LaneLearner, lane=lane, lanes=lanes))

        found = each(work)
    for number, (config, trainer) in enumerate(zip(configs, found, strict=True)):
        assert isinstance(trainer, Trainer)
        assert losses(trainer) == pytest.approx(losses(run(config, tmp_path / f"alone{number}")), rel=1e-4)


@pytest.mark.parametrize("leaver", [None, 1], ids=["neighbours", "one gone"])
@pytest.mark.parametrize(
    "shape",
    [["optimizer=adamw"], ["optimizer=hybrid8", *WIDE], ["adapter=lora", "adapter.dropout=0", "adapter.target_modules=[q_proj]"]],
    ids=["adamw", "hybrid8", "lora"],
)
def test_a_step_of_lanes_waits_for_nothing(
    shape: list[str], leaver: int | None, configure: Callable[..., RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, found, learners = Engine.train, list[str](), dict[int, LaneLearner]()

    def watched(self: Engine, requests: Sequence[TrainRequest]) -> object:
        with waits(self.table.weights.device) as waited:
            numbers = train(self, requests)
        found.extend(waited)
        return numbers

    with in_lanes(3) as (lanes, each):

        def step(number: int, lane: Lane) -> None:
            if number not in learners:
                learners[number] = LaneLearner(configure(*shape, "training.micro_batch_size=2"), lane, lanes)
            if number != leaver or len(learners) < 3:
                learners[number].take_step(1, measure_update=True)

        each(step)  # what is made at the first step may be waited for
        each(step)
        monkeypatch.setattr(Engine, "train", watched)
        each(step)
    assert found == []


def test_a_fused_kernel_makes_adamws_step(device: str, configure: Callable[..., RunConfig]) -> None:
    model = build_model(configure().model).to(device)
    assert all(group["fused"] for group in build_optimizer(model, configure().optimizer).param_groups)


@pytest.mark.parametrize("preset", ["gpt2-small", "llama-1b", "cs336"])
def test_flash_attention_takes_the_shapes_of_the_presets(preset: str, device: str) -> None:
    """Nothing but that kernel is allowed, and torch raises where it cannot be used; heads have the presets' width."""
    whole = request_run([f"model={preset}", "data.vocab_size=512", "model.vocab_size=512"]).model
    width, grouped = whole.d_model // whole.num_heads, whole.num_kv_heads not in (None, whole.num_heads)
    heads = ["model.num_heads=4", f"model.num_kv_heads={2 if grouped else 4}", f"model.d_model={4 * width}"]
    small = ["model.num_layers=1", "model.d_ff=64", "model.context_length=32", "data.vocab_size=512", "model.vocab_size=512"]
    model = build_model(request_run([f"model={preset}", *heads, *small]).model).to(device)
    tokens = torch.zeros(2, 32, dtype=torch.int64, device=device)
    with sdpa_kernel([SDPBackend.FLASH_ATTENTION]), torch.autocast(device, dtype=torch.bfloat16):
        logits = model(tokens)
    logits.float().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters() if parameter.grad is not None)


@contextmanager
def little_memory(device: str, megabytes: int) -> Iterator[None]:
    """Lets this process take that much more and no more."""
    if device == "cuda":
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + megabytes * 2**20) / total)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + megabytes * 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_memory_that_runs_out_ends_the_run_and_not_the_process(configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    large = configure("training.batch_size=20000", "tracking.tensorboard=false")
    with little_memory(large.training.device, 500):
        assert run(large, tmp_path / "large").status == Status.OUT_OF_MEMORY
    assert run(configure(), tmp_path / "small").status == Status.COMPLETED


def test_memory_is_metered(configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    trainer = run(configure(), tmp_path)
    last = trainer.evaluations[-1][1]
    weights = sum(tensor.numel() * 4 for tensor in load_checkpoint(RunDir(tmp_path).checkpoint("final"))[0].values())
    allocated, reserved, peak = (last[f"memory/{name}_gb"] or 0.0 for name in ("allocated", "reserved", "peak"))
    assert weights / 1e9 < allocated <= reserved
    assert allocated <= peak * (1 + 1e-9)
