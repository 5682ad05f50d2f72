"""Predicted memory against what autograd keeps, what a step really holds, and what the optimizer really stores."""

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainable.device import MemoryMeter
from trainable.distributed import World
from trainable.memory import MemoryPrediction, expected_device, gpu_fraction, predict
from trainable.model.activations import Numerics, saved_bytes
from trainable.model.registry import build_model
from trainable.optim.build import build_optimizer
from trainable.optim.state_memory import measured_state_bytes
from trainable.spec.compose import choices, compose_run
from trainable.step_probe import Holdings, probe_step, saved_for_backward
from trainable.train_step import TrainStep, token_loss

SHAPES = [
    ["model=tiny"],
    ["model=tiny", "model.num_kv_heads=2"],
    ["model=tiny", "model.tied_embeddings=true"],
    ["model=tiny", "model.dropout=0.1"],
    ["model=tiny", "model.dropout=0.1", "model.num_kv_heads=2"],
    ["model=cs336", "model.num_layers=2"],
    ["model=gpt2-small", "model.num_layers=2"],
    ["model=gpt2-small", "model.num_layers=2", "model.dropout=0.1"],
    ["model=gpt2-small", "model.num_layers=2", "model.tied_embeddings=false", "model.context_length=128"],
]


def predicted(*overrides: str, device: str = "cpu") -> MemoryPrediction:
    found = predict(compose_run(overrides), device)
    assert found is not None
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=" ".join)
@pytest.mark.parametrize("bf16", [False, True], ids=["fp32", "bf16"])
def test_the_closed_form_is_what_autograd_keeps_to_the_byte(shape: list[str], bf16: bool) -> None:
    config = compose_run(shape).model
    probed = probe_step(config, 3, torch.bfloat16 if bf16 else None)
    assert saved_bytes(config, 3, Numerics(bf16=bf16)) == probed.saved_bytes


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[2], SHAPES[5], SHAPES[6], SHAPES[8]], ids=" ".join)
@pytest.mark.parametrize("accumulated", [False, True], ids=["whole batch", "micro-batches"])
def test_the_backward_peak_is_within_five_percent_of_a_step_on_fake_tensors(shape: list[str], accumulated: bool) -> None:
    batch = 8 if accumulated else 4
    config = compose_run([*shape, f"training.batch_size={batch}", "training.micro_batch_size=4"])
    found = predict(config, "cpu")
    assert found is not None
    assert found.backward_bytes == pytest.approx(probe_step(config.model, 4, accumulated=accumulated).peak_bytes, rel=0.05)


def test_a_step_on_fake_tensors_keeps_what_a_real_one_keeps() -> None:
    config = compose_run(["model=micro", "model.dropout=0.1", "model.num_kv_heads=1"]).model
    model, tokens = build_model(config), torch.zeros(3, config.context_length, dtype=torch.int64)
    with saved_for_backward(model) as saved:
        token_loss(model, tokens, tokens, None)
    assert saved.bytes == probe_step(config, 3).saved_bytes


@pytest.mark.parametrize("shape", [["model=micro"], ["model=tiny", "model.architecture=gpt2", "model.num_layers=2"]], ids=" ".join)
@pytest.mark.parametrize("micro_batch", [2, 8])
def test_all_tensors_of_a_real_step_peak_within_five_percent_of_the_prediction(shape: list[str], micro_batch: int) -> None:
    config = compose_run([*shape, "training.batch_size=8", f"training.micro_batch_size={micro_batch}"])
    x = torch.zeros(8, config.model.context_length, dtype=torch.int64)
    with Holdings() as held:
        model = build_model(config.model)
        optimizer = build_optimizer(model, config.optimizer)
        step = TrainStep(model, optimizer, micro_batch_size=micro_batch, grad_clip=1.0, autocast=None, world=World())
        step(x, x, 1e-3, measure_update=True)
        step(x, x, 1e-3, measure_update=True)
    found = predict(config, "cpu")
    assert found is not None
    assert found.tensors_peak_bytes == pytest.approx(held.peak_bytes, rel=0.05)


@pytest.mark.parametrize("name", choices("optimizer"))
def test_the_optimizer_state_is_exact(name: str) -> None:
    overrides = [f"optimizer={name}", "model=micro", "model.d_model=64", "model.d_ff=128"]
    config = compose_run(overrides)
    model = build_model(config.model)
    optimizer = build_optimizer(model, config.optimizer)
    tokens = torch.zeros(2, 8, dtype=torch.int64)
    token_loss(model, tokens, tokens, None).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert predicted(*overrides).optimizer_state_bytes == measured_state_bytes(optimizer)


def test_weights_and_gradients_are_exact() -> None:
    model = build_model(compose_run(["model=micro", "model.tied_embeddings=true"]).model)
    found = predicted("model=micro", "model.tied_embeddings=true")
    assert found.weights_bytes == found.gradients_bytes == sum(p.numel() * p.element_size() for p in model.parameters())


def test_smaller_micro_batches_take_less_although_gradients_wait_between_them() -> None:
    whole = predicted("training.batch_size=64")
    parts = predicted("training.batch_size=64", "training.micro_batch_size=8")
    assert parts.peak_bytes < whole.peak_bytes
    assert parts.activations_bytes == pytest.approx(whole.activations_bytes / 8, rel=1e-4)


def test_a_gpu_counts_tensors_and_a_cpu_the_process() -> None:
    on_cpu, on_gpu = predicted("training.precision=fp32"), predicted("training.precision=fp32", device="cuda")
    assert on_cpu.metered_peak_gb == on_cpu.peak_bytes / 1e9
    assert on_gpu.metered_peak_gb == on_gpu.tensors_peak_bytes / 1e9
    assert on_gpu.peak_bytes > on_gpu.tensors_peak_bytes


def test_a_process_that_is_there_is_counted_as_it_is() -> None:
    found = predicted()
    here = found.in_process(resident_bytes=500_000_000 + found.weights_bytes)
    assert 500_000_000 < here.process_bytes < 550_000_000
    assert here.peak_bytes - here.process_bytes == found.peak_bytes - found.process_bytes
    assert found.in_worker().peak_bytes > found.peak_bytes
    on_gpu = predicted(device="cuda")
    assert on_gpu.in_process(1) == on_gpu.in_worker() == on_gpu


def test_what_an_optimizer_works_with_counts_to_the_update() -> None:
    in_place, copying = predicted("optimizer=adamw"), predicted("optimizer=adam8bit")
    largest = 1024 * 128
    assert copying.update_bytes - in_place.update_bytes == 20 * largest
    assert predicted("optimizer=adam8bit", device="cuda").update_bytes == in_place.update_bytes


def test_the_meter_forgets_what_is_measured_aside() -> None:
    meter = MemoryMeter(torch.device("cpu"))
    with meter.aside():
        torch.ones(50_000_000)
    assert meter.read()["memory/peak_gb"] * 1e9 < meter.resident_bytes + 100_000_000
    torch.ones(50_000_000)
    assert meter.read()["memory/peak_gb"] * 1e9 > meter.resident_bytes + 150_000_000


@pytest.mark.parametrize(
    ("overrides", "device"),
    [
        ([], "cpu"),
        (["training.device=cuda"], "cuda"),
        (["resources.gpus_per_trial=0.5"], "cuda"),
        (["resources.gpus_per_trial=auto"], "cuda"),
        (["resources.gpus_per_trial=1", "training.device=cpu"], "cpu"),
    ],
)
def test_the_device_is_the_one_that_the_configuration_means(overrides: list[str], device: str) -> None:
    assert expected_device(compose_run(overrides)) == device


def test_a_model_that_is_not_ours_is_not_predicted() -> None:
    config: Any = compose_run([])
    foreign = dataclasses.replace(config, model=dataclasses.replace(config.model, architecture="somebody_elses"))
    assert predict(foreign) is None


@pytest.mark.parametrize(
    ("prediction_gb", "device_gb", "fraction"),
    [(1, 80, 0.0138), (0.1, 80, 0.01), (10, 80, 0.1428), (30, 80, 0.5), (39, 80, 1.0), (70, 80, 1.0), (200, 80, 1.0)],
)
def test_a_gpu_is_shared_by_as_many_trials_as_fit(prediction_gb: float, device_gb: int, fraction: float) -> None:
    assert gpu_fraction(round(prediction_gb * 10**9), device_gb * 10**9) == fraction


@given(st.integers(10**8, 10**12), st.integers(10**9, 10**12))
def test_trials_packed_by_their_fraction_fit_the_device(prediction: int, device: int) -> None:
    fraction = gpu_fraction(prediction, device)
    assert 0.01 <= fraction <= 1
    together = int(1 / fraction)
    assert together == 1 or together * prediction <= device
    assert together == 100 or (together + 1) * prediction * 1.1 > device
