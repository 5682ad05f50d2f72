"""An optimizer that treats every number alike, stepping whole groups of a lane's row instead of one parameter after another."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainable.lanes.table import LaneTable, corner
from trainable.optim.entry import OptimizerEntry, ParameterGroup
from trainable.spec.config import OptimizerConfig


class FlatOptimizer:
    """Steps a row of weights with the same numbers as `whole`, the optimizer of the single parameters, which checkpoints are made of.

    `groups` are those of `whole`; the members of each lie one after another in the row. Zeros around a member stay zeros.
    """

    def __init__(
        self, whole: Optimizer, entry: OptimizerEntry, config: OptimizerConfig, groups: Sequence[ParameterGroup], table: LaneTable, row: int
    ) -> None:
        self.whole = whole
        self._members = [[(parameter, table.shapes[name]) for name, parameter in group["params"]] for group in groups]
        flat_groups = []
        for number, group in enumerate(groups):
            names = [name for name, _ in group["params"]]
            span = slice(table.places[names[0]].start, table.places[names[-1]].stop)
            flat = nn.Parameter(table.weights[row, span])
            flat.grad = table.gradients[row, span]
            flat_groups.append({**group, "params": [(str(number), flat)]})
        self.flat = entry.build(flat_groups, config, table.weights.device)
        self.take_state()

    def take_state(self) -> None:
        """From the state of `whole`, as after loading a checkpoint."""
        for group, members in zip(self.flat.param_groups, self._members, strict=True):
            flat, first = group["params"][0], members[0][0]
            state = {key: value for key, value in self.whole.state.get(first, {}).items() if value is not None}
            taken = {key: torch.zeros_like(flat) if _is_moment(value, first) else value.clone() for key, value in state.items()}
            for key in (key for key in taken if _is_moment(state[key], first)):
                for (parameter, _), part in zip(members, _parts(taken[key], members), strict=True):
                    part.copy_(self.whole.state[parameter][key])
            if taken:
                self.flat.state[flat] = taken

    def give_state(self) -> Optimizer:
        """`whole` with the state and settings of now; its tensors are views of the flat ones."""
        for group, flat_group, members in zip(self.whole.param_groups, self.flat.param_groups, self._members, strict=True):
            group["lr"] = flat_group["lr"]
            flat = flat_group["params"][0]
            state = {key: value for key, value in self.flat.state.get(flat, {}).items() if value is not None}
            parts = {key: _parts(value, members) for key, value in state.items() if _is_moment(value, flat)}
            for number, (parameter, _) in enumerate(members):
                given = {key: parts[key][number] if key in parts else value.clone() for key, value in state.items()}
                self.whole.state[parameter] = given
        return self.whole


def _parts(flat: Tensor, members: Sequence[tuple[nn.Parameter, tuple[int, ...]]]) -> list[Tensor]:
    """Views of a group's numbers, one for each member."""
    places = torch.split(flat, [prod(shape) for _, shape in members])
    return [corner(place.view(shape), parameter.shape) for place, (parameter, shape) in zip(places, members, strict=True)]


def _is_moment(value: Tensor, parameter: Tensor) -> bool:
    """Whether a state has a number for each of the parameter's; counters have one for all."""
    return value.dim() > 0 and value.numel() == parameter.numel()
