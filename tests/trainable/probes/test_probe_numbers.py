"""The numbers of the probes against references: dense Hessians, closed forms, and what the optimizers really store next."""

from collections.abc import Callable, Sequence
from math import sqrt

import pytest
import torch
from torch import Tensor

from trainable.data.prepare import prepare
from trainable.learner import Learner
from trainable.model.registry import build_model
from trainable.optim.moment_plan import DYNAMIC_8BIT
from trainable.optim.moments import Moments, factored_form
from trainable.optim.registry import OPTIMIZERS
from trainable.probes import hessian, lowrank, quant, sharpness
from trainable.probes.probe import View
from trainable.probes.quant import UNSIGNED_8BIT, what_if_8bit
from trainable.request import request_run
from trainable.spec.compose import compose_run
from trainable.train_step import token_loss

Overrides = Callable[..., list[str]]
SHAPE = ["model.d_model=64", "model.d_ff=96", "model.num_layers=1"]


def learner_of(overrides: list[str], steps: int = 3) -> Learner:
    config = request_run(overrides)
    prepare(config.data)
    learner = Learner(config)
    for step in range(1, steps + 1):
        learner.take_step(step, measure_update=False)
    return learner


def moments_of(learner: Learner) -> list[Moments]:
    read = OPTIMIZERS[learner.config.optimizer.name].moments
    assert read is not None
    return [read(learner.optimizer, p) for p in learner.model.parameters()]


def dense_hessian(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters, create_graph=True)])
    rows = [torch.autograd.grad(entry, parameters, retain_graph=True) for entry in gradient]
    return torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])


def test_the_largest_eigenvalue_is_that_of_the_dense_hessian_of_a_small_model() -> None:
    shape = ["model=micro", "model.d_model=4", "model.d_ff=4", "model.num_layers=1", "model.vocab_size=300", "model.tied_embeddings=true"]
    config = compose_run([*shape, "data.vocab_size=300", "model.context_length=8"]).model
    torch.manual_seed(0)
    model = build_model(config).double()
    x, y = torch.randint(0, 12, (2, 8)), torch.randint(0, 12, (2, 8))
    # Only the rows of tokens that occur: the dense matrix stays small, and every other part of the model is in it.
    parameters = [p for name, p in model.named_parameters() if not name.startswith("token_embeddings")]
    with hessian.sdpa_kernel(hessian.SDPBackend.MATH):
        matrix = dense_hessian(token_loss(model, x, y, None), parameters)
        product = hessian.hessian_vector_product(token_loss(model, x, y, None), parameters)
        found = hessian.largest_eigenvalue(product, parameters, tolerance=1e-5, iterations=100)
    torch.testing.assert_close(matrix, matrix.T)
    assert found == pytest.approx(torch.linalg.eigvalsh(matrix)[-1].item(), rel=1e-5)


@pytest.mark.parametrize("spectrum", [[-9.0, -3.0, 1.0, 2.0], [5.0, 5.0, 4.9, -1.0], [-1.0, -2.0, -3.0, -4.0], [3.0, 3.0, 3.0, 3.0]])
def test_lanczos_finds_the_largest_and_not_the_one_of_largest_magnitude(spectrum: list[float]) -> None:
    diagonal = torch.tensor(spectrum, dtype=torch.float64)
    found = hessian.largest_eigenvalue(lambda v: [diagonal * v[0]], [diagonal], tolerance=1e-9)
    assert found == pytest.approx(max(spectrum), rel=1e-9)


def test_an_eigenvalue_probe_gives_the_same_number_at_the_same_weights(tiny_overrides: Overrides) -> None:
    learner = learner_of(tiny_overrides())
    values = [hessian.Probe(learner).measure(View(learner, step)) for step in (3, 4)]
    assert values[0] == values[1]


def test_the_rise_of_a_linear_loss_is_the_radius_times_the_gradient() -> None:
    slope = torch.tensor([3.0, 4.0])
    found = sharpness.largest_rise(lambda w: (w[0] * slope).sum(), [torch.zeros(2)], radius=0.05)
    assert found == pytest.approx(0.25, rel=1e-6)


def test_the_rise_of_a_quadratic_loss_comes_near_its_maximum_in_the_ball() -> None:
    scale, start = torch.tensor([10.0, 1.0]), torch.tensor([0.01, 0.02])

    def loss(weights: Sequence[Tensor]) -> Tensor:
        return 0.5 * (scale * weights[0].square()).sum()

    angle = torch.linspace(0, 2 * torch.pi, 100_001)
    around = start + 0.05 * torch.stack([angle.cos(), angle.sin()], dim=1)
    largest = (0.5 * (scale * around.square()).sum(1)).max() - loss([start])
    found = sharpness.largest_rise(loss, [start], radius=0.05, steps=5)
    one_step = sharpness.largest_rise(loss, [start], radius=0.05, steps=1)
    assert one_step < found <= largest.item() * (1 + 1e-6)
    assert found == pytest.approx(largest.item(), rel=1e-3)


def test_where_the_gradient_is_zero_nothing_rises() -> None:
    assert sharpness.largest_rise(lambda w: (w[0] * 0).sum(), [torch.ones(3)]) == 0


def test_sharpness_is_the_loss_rise_of_the_run_and_above_zero(tiny_overrides: Overrides) -> None:
    learner = learner_of(tiny_overrides())
    found = sharpness.Probe(learner).measure(View(learner, 3))["theory/sharpness"]
    assert found is not None
    assert 0 < found < 1


def test_the_next_gradient_is_the_one_of_the_next_step(tiny_overrides: Overrides) -> None:
    learner = learner_of(tiny_overrides("model.dropout=0.1", "training.micro_batch_size=2", "training.grad_clip=0.1"))
    rng = torch.get_rng_state()
    found = list(View(learner, 3).next_gradient.values())
    torch.set_rng_state(rng)
    seen: list[Tensor] = []
    learner.optimizer.register_step_pre_hook(
        lambda *_: seen.extend(p.grad.clone() for p in learner.model.parameters() if p.grad is not None)
    )
    learner.take_step(4, measure_update=False)
    torch.testing.assert_close(found, seen, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("optimizer", ["adam8bit", "adam4bit", "hybrid8", "hybrid4", "lion8bit"])
def test_the_local_error_is_what_the_next_step_really_loses(tiny_overrides: Overrides, optimizer: str) -> None:
    learner = learner_of(tiny_overrides(f"optimizer={optimizer}", *SHAPE))
    view = View(learner, 3)
    predicted = quant.Probe(learner).measure(view)
    gradients = list(view.next_gradient.values())
    exact = [found.m.next(g) for found, g in zip(moments_of(learner), gradients, strict=True) if found.m]
    learner.take_step(4, measure_update=False)
    stored = [found.m.value for found in moments_of(learner) if found.m]
    error = sqrt(sum((a - b).square().sum().item() for a, b in zip(exact, stored, strict=True)))
    assert predicted["quant/error_m"] == pytest.approx(error, rel=1e-3)
    assert predicted["quant/relative_error_m"] == pytest.approx(error / sqrt(sum(a.square().sum().item() for a in exact)), rel=1e-3)


def test_float_states_are_measured_as_8_bits_would_round_them(tiny_overrides: Overrides) -> None:
    from bitsandbytes.functional import create_dynamic_map, dequantize_blockwise, quantize_blockwise

    learner = learner_of(tiny_overrides(*SHAPE))
    found = quant.Probe(learner).measure(View(learner, 3))
    for key, signed in (("m", True), ("v", False)):
        values = [getattr(moments, key).value for moments in moments_of(learner)]
        code = create_dynamic_map(signed=signed)
        read = [dequantize_blockwise(*quantize_blockwise(v, code=code, blocksize=256)) if v.numel() >= 4096 else v for v in values]
        error = sqrt(sum((a - b).square().sum().item() for a, b in zip(values, read, strict=True)))
        # bitsandbytes rounds to a table of 65,536 entries first on a CPU.
        assert found[f"quant/error_{key}"] == pytest.approx(error, rel=0.02)
        assert found[f"quant/bits_{key}"] == 32


def test_bits_are_the_mean_over_entries(tiny_overrides: Overrides) -> None:
    learner = learner_of(tiny_overrides("optimizer=adam8bit", *SHAPE))
    sizes = [p.numel() for p in learner.model.parameters()]
    mean = sum((8 if size >= 4096 else 32) * size for size in sizes) / sum(sizes)
    found = quant.Probe(learner).measure(View(learner, 3))
    assert found["quant/bits_m"] == found["quant/bits_v"] == pytest.approx(mean)
    assert 8 < mean < 9


@pytest.mark.parametrize(
    ("optimizer", "missing"),
    [
        ("sgd", {"quant/error_v", "quant/relative_error_v", "quant/bits_v"}),
        ("hybrid8", {"quant/error_v", "quant/relative_error_v"}),
        ("adafactor", {"quant/error_m", "quant/relative_error_m", "quant/bits_m", "quant/error_v", "quant/relative_error_v"}),
    ],
)
def test_what_an_optimizer_does_not_have_is_missing_and_not_zero(tiny_overrides: Overrides, optimizer: str, missing: set[str]) -> None:
    learner = learner_of(tiny_overrides(f"optimizer={optimizer}", *SHAPE))
    found = quant.Probe(learner).measure(View(learner, 3))
    assert {name for name, value in found.items() if value is None} == missing


def test_relative_errors_are_those_of_block_wise_rounding() -> None:
    torch.manual_seed(0)
    x = torch.randn(1 << 16)
    signed, unsigned = what_if_8bit(x, DYNAMIC_8BIT), what_if_8bit(x.square(), UNSIGNED_8BIT)
    assert ((x - signed).norm() / x.norm()).item() == pytest.approx(0.0109, rel=0.02)
    assert ((x.square() - unsigned).norm() / x.square().norm()).item() == pytest.approx(0.0065, rel=0.03)
    assert torch.equal(what_if_8bit(x[:4095], DYNAMIC_8BIT), x[:4095])


def test_the_factored_form_keeps_row_and_column_means_and_is_exact_for_rank_one() -> None:
    torch.manual_seed(0)
    v, rank_one = torch.rand(2, 5, 7), torch.rand(5, 1) * torch.rand(1, 7)
    torch.testing.assert_close(factored_form(rank_one), rank_one)
    torch.testing.assert_close(factored_form(v).mean(-1), v.mean(-1))
    torch.testing.assert_close(factored_form(v).mean(-2), v.mean(-2))
    assert torch.equal(factored_form(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_the_reconstruction_error_is_that_of_adams_second_moment(tiny_overrides: Overrides) -> None:
    learner = learner_of(tiny_overrides(*SHAPE))
    matrices = [learner.optimizer.state[p]["exp_avg_sq"] for p in learner.model.parameters() if p.dim() == 2]
    error = sum((v - v.sum(1, keepdim=True) * v.sum(0) / v.sum()).square().sum().item() for v in matrices)
    expected = sqrt(error / sum(v.square().sum().item() for v in matrices))
    found = lowrank.Probe(learner).measure(View(learner, 3))
    assert found == {"lowrank/reconstruction_error": pytest.approx(expected, rel=1e-5), "lowrank/rank": 1}


@pytest.mark.parametrize("optimizer", ["hybrid8", "adafactor"])
def test_a_factored_optimizer_stores_the_factored_form_of_its_next_second_moment(tiny_overrides: Overrides, optimizer: str) -> None:
    learner = learner_of(tiny_overrides(f"optimizer={optimizer}", *SHAPE))
    view = View(learner, 3)
    pairs = zip(moments_of(learner), view.next_gradient.values(), strict=True)
    exact = [(was.v.next(g.square()), was.factored) for was, g in pairs if was.v]
    learner.take_step(4, measure_update=False)
    stored = [now.v.value for now in moments_of(learner) if now.v]
    for (v, is_factored), value in zip(exact, stored, strict=True):
        torch.testing.assert_close(value, factored_form(v) if is_factored else v, rtol=1e-4, atol=1e-12)


def test_the_shadow_of_adam_is_adam_itself_and_8_bits_drift_from_it(tiny_overrides: Overrides) -> None:
    from trainable.probes import quant_trajectory

    found = {}
    for optimizer in ("adamw", "adam8bit"):
        learner = learner_of(tiny_overrides(f"optimizer={optimizer}", *SHAPE), steps=0)
        probe = quant_trajectory.Probe(learner)
        errors = []
        for step in range(1, 11):
            learner.take_step(step, measure_update=False)
            errors.append(probe.measure(View(learner, step))["quant/trajectory_error_m"] or 0.0)
        found[optimizer] = errors
    assert max(found["adamw"]) < 1e-6
    assert 0.005 < found["adam8bit"][0] < 0.02
    assert found["adam8bit"][-1] > 1.3 * found["adam8bit"][0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_offers_its_moments(optimizer: str) -> None:
    assert OPTIMIZERS[optimizer].moments is not None
