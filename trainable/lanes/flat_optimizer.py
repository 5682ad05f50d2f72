"""An optimizer that treats every number alike, stepping whole groups of a lane's row instead of one parameter after another."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainable.optim.entry import OptimizerEntry, ParameterGroup
from trainable.spec.config import OptimizerConfig


class FlatOptimizer:
    """Steps a row of weights with the same numbers as `whole`, the optimizer of the single parameters, which checkpoints are made of.

    `groups` are those of `whole`; the members of each lie one after another in the row, at `places`.
    """

    def __init__(
        self,
        whole: Optimizer,
        entry: OptimizerEntry,
        config: OptimizerConfig,
        groups: Sequence[ParameterGroup],
        places: Mapping[str, slice],
        row: tuple[Tensor, Tensor],
    ) -> None:
        self.whole = whole
        self._members = [[(parameter, places[name]) for name, parameter in group["params"]] for group in groups]
        weights, gradients = row
        flat_groups = []
        for number, (group, members) in enumerate(zip(groups, self._members, strict=True)):
            span = slice(members[0][1].start, members[-1][1].stop)
            flat = nn.Parameter(weights[span])
            flat.grad = gradients[span]
            flat_groups.append({**group, "params": [(str(number), flat)]})
        self.flat = entry.build(flat_groups, config, weights.device)
        self.take_state()

    def take_state(self) -> None:
        """From the state of `whole`, as after loading a checkpoint."""
        for flat, members in self._spans():
            if any(self.whole.state.get(parameter) for parameter, _ in members):
                states = [self.whole.state[parameter] for parameter, _ in members]
                self.flat.state[flat] = {
                    key: torch.cat([state[key].flatten() for state in states]) if _is_moment(value, members[0][0]) else value.clone()
                    for key, value in states[0].items()
                    if value is not None
                }

    def give_state(self) -> Optimizer:
        """`whole` with the state and settings of now; its tensors are views of the flat ones."""
        for group, flat_group in zip(self.whole.param_groups, self.flat.param_groups, strict=True):
            group["lr"] = flat_group["lr"]
        for flat, members in self._spans():
            for parameter, place in members:
                start = place.start - members[0][1].start
                self.whole.state[parameter] = {
                    key: value[start : start + parameter.numel()].view_as(parameter) if _is_moment(value, flat) else value.clone()
                    for key, value in self.flat.state.get(flat, {}).items()
                    if value is not None
                }
        return self.whole

    def _spans(self) -> list[tuple[Tensor, list[tuple[nn.Parameter, slice]]]]:
        flats = [group["params"][0] for group in self.flat.param_groups]
        return list(zip(flats, self._members, strict=True))


def _is_moment(value: Tensor, parameter: Tensor) -> bool:
    """Whether a state has a number for each of the parameter's; counters have one for all."""
    return value.dim() > 0 and value.numel() == parameter.numel()
