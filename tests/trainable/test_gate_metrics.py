import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainable.gate_metrics import gate_metrics, metrics_of
from trainable.spec.metric_names import METRICS, is_at_the_end


@settings(deadline=None)  # the first example imports scipy
@given(gammas=st.lists(st.floats(0, 1), min_size=3, max_size=12, unique=True))
def test_rising_gates_correlate_with_depth_and_falling_ones_the_other_way(gammas: list[float]) -> None:
    rising = metrics_of(dict(enumerate(sorted(gammas))))
    assert rising["gates/depth_correlation"] == pytest.approx(1.0)
    assert metrics_of(dict(enumerate(sorted(gammas, reverse=True))))["gates/depth_correlation"] == pytest.approx(-1.0)
    assert rising["gates/mean"] == pytest.approx(sum(gammas) / len(gammas))


def test_deviations_to_both_sides_do_not_cancel() -> None:
    found = metrics_of({0: 0.25, 1: 0.5, 2: 0.75})
    assert (found["gates/mean"], found["gates/deviation"]) == (0.5, pytest.approx(1 / 6))


@pytest.mark.parametrize("by_layer", [{0: 0.2, 1: 0.4}, {0: 0.5, 1: 0.5, 2: 0.5}])
def test_a_correlation_that_does_not_exist_is_left_out(by_layer: dict[int, float]) -> None:
    assert "gates/depth_correlation" not in metrics_of(by_layer)


def test_every_name_is_a_metric_of_the_end() -> None:
    assert all(name in METRICS and is_at_the_end(name) for name in metrics_of({0: 0.1, 1: 0.2, 2: 0.3}))


def test_the_head_has_no_depth_and_a_model_without_gates_has_no_metrics() -> None:
    model = nn.Module()
    model.gates = nn.ModuleDict()
    for group, logit in (("0", 0.0), ("head", 3.0)):
        model.gates[group] = nn.Module()
        model.gates[group].size = 4  # type: ignore[assignment]
        model.gates[group].gate = nn.Parameter(torch.tensor(logit))
    assert gate_metrics(model) == {"gates/mean": 0.5, "gates/deviation": 0.0}
    assert gate_metrics(nn.Linear(2, 2)) == {}
