from typing import Any

import pytest
import torch
from torch import nn

from trainable.spec.mistakes import WrongRequest
from trainable.trained_state import base_reference, load_trained_state, require_same_base, trained_state


def partly_frozen(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    for parameter in (*model[0].parameters(), *model[1].parameters()):
        parameter.requires_grad_(False)
    return model


def reference(model: nn.Module, **changes: Any) -> dict[str, Any] | None:
    return base_reference(model, **{"pretrained": None, "seed": 1, **changes})


def test_a_model_of_which_everything_is_trained_is_kept_whole() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    assert trained_state(model).keys() == model.state_dict().keys()
    assert reference(model) is None


def test_of_a_partly_frozen_model_the_trained_tensors_are_kept_and_come_back() -> None:
    one, other = partly_frozen(0), partly_frozen(1)
    state = trained_state(one)
    assert set(state) == {"2.weight", "2.bias"}
    load_trained_state(other, state)
    assert torch.equal(other.get_parameter("2.weight"), one.get_parameter("2.weight"))
    assert not torch.equal(other.get_parameter("0.weight"), one.get_parameter("0.weight"))


@pytest.mark.parametrize("state", [{}, {"2.weight": torch.zeros(2, 3)}, {"2.weight": torch.zeros(9, 9), "2.bias": torch.zeros(2)}])
def test_the_state_of_another_model_is_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WrongRequest, match="of another model"):
        load_trained_state(partly_frozen(), state)


def test_training_leaves_the_reference_and_a_frozen_change_does_not() -> None:
    model = partly_frozen()
    before = reference(model)
    with torch.no_grad():
        model.get_parameter("2.weight").add_(1)
    require_same_base(reference(model), before)
    with torch.no_grad():
        model.get_parameter("0.weight")[0, 0].add_(1e-6)
    with pytest.raises(WrongRequest, match="from seed 1 with SHA-256"):
        require_same_base(reference(model), before)


def test_the_same_base_may_lie_in_another_place() -> None:
    model = partly_frozen()
    require_same_base(reference(model, pretrained="here"), reference(model, pretrained="there"))


def test_a_frozen_base_and_none_are_not_the_same() -> None:
    require_same_base(None, None)
    with pytest.raises(WrongRequest, match="frozen base"):
        require_same_base(None, reference(partly_frozen()))
