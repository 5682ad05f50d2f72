"""Adam with decoupled decay whose moments are kept as a plan says: in blocks of codes, factored, or in float32."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainable.optim.entry import ParameterGroup
from trainable.optim.moment_plan import SIGNED_FORMATS, MomentPlan, Planner
from trainable.optim.quantised.factors import Factors
from trainable.optim.quantised.moments import TENSOR_KEYS, State, new_state, read, together, write
from trainable.optim.quantised.parts import CPU_ENTRIES, GPU_ENTRIES, parts
from trainable.optim.quantised.precision import StorageError, is_asked, raise_precision


class BlockwiseAdam(Optimizer):
    """theta <- (1 - lr * decay) theta - lr * m_hat / (sqrt(v_hat) + eps), m_hat and v_hat with Adam's bias correction.

    (Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019, algorithm 2.) The moments are read, moved on in float32, used, and
    only then rounded into their codes: an error of storage acts from the next step on, and step 1 is exact.

    `plan` tells from names and shapes how each tensor's moments are kept; parameters come as pairs of name and parameter. Equal
    tensors are moved together and large ones some rows at a time; nothing loops over blocks. With `error_threshold`, the first moment
    of a tensor goes from 4 to 8 bits, for good, when the relative error of storing it exceeds the threshold (see `precision`).
    """

    def __init__(
        self,
        groups: Iterable[ParameterGroup],
        plan: Planner,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        error_threshold: float | None = None,
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.error_threshold = error_threshold
        named = [pair for group in self.param_groups for pair in zip(group["param_names"], group["params"], strict=True)]
        plans = plan([(name, tuple(p.shape)) for name, p in named])
        self.plans: dict[nn.Parameter, MomentPlan] = {p: plans[name] for name, p in named}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for equal in self._equal_tensors(group):
                plan = self.plans[equal[0]]
                limit = CPU_ENTRIES if equal[0].device.type == "cpu" else GPU_ENTRIES
                for tensors, row_slices in parts(len(equal), plan.stack, limit):
                    _Part(self, group, equal[tensors]).move(row_slices)
        return loss

    def _equal_tensors(self, group: ParameterGroup) -> Iterator[list[nn.Parameter]]:
        """The group's parameters with a gradient, those together that differ in nothing but their values; counts the step of each."""
        equal: dict[tuple[Any, ...], list[nn.Parameter]] = defaultdict(list)
        for p in group["params"]:
            if p.grad is None:
                continue
            state = self.state[p]
            if not state:
                state.update(new_state(self.plans[p], p.device))
            state["step"] += 1
            equal[(self.plans[p], state["bits_m"], state["step"], p.device, p.dtype)].append(p)
        yield from equal.values()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, which would cast codes to the parameters' type: moments are taken over as they are."""
        super().load_state_dict(state_dict)
        numbers = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        own = chain.from_iterable(group["params"] for group in self.param_groups)
        for number, p in zip(numbers, own, strict=True):
            saved = state_dict["state"].get(number, {})
            self.state[p].update({key: saved[key].to(p.device) for key in TENSOR_KEYS & saved.keys()})


class _Part:
    """Some tensors of one plan, step and precision; tensors in here are [tensors, matrices, rows, width]."""

    def __init__(self, optimizer: BlockwiseAdam, group: ParameterGroup, parameters: list[nn.Parameter]) -> None:
        self.group = group
        self.parameters = parameters
        self.states: list[State] = [optimizer.state[p] for p in parameters]
        self.plan = optimizer.plans[parameters[0]]
        self.form_m = SIGNED_FORMATS.get(self.states[0]["bits_m"])
        self.step: int = self.states[0]["step"]
        asked = self.form_m is not None and is_asked(self.step, self.form_m.bits, optimizer.error_threshold)
        self.storage_error = StorageError(optimizer.error_threshold) if asked else None

    def move(self, row_slices: list[slice]) -> None:
        beta2: float = self.group["betas"][1]
        factors = None
        if self.plan.factored:
            squares = ((rows, self._gradients(rows).square()) for rows in row_slices)
            factors = Factors(self.states).advance(squares, beta2)
        for rows in row_slices:
            self._move_rows(rows, factors)
        if self.storage_error is not None:
            for state in self.storage_error.above_threshold(self.states):
                raise_precision(state, self.plan)

    def _move_rows(self, rows: slice, factors: Factors | None) -> None:
        beta1, beta2 = self.group["betas"]
        width = self.plan.stack[2]
        gradients = self._gradients(rows)
        m = read(self.states, "m", rows, width, self.form_m).lerp_(gradients, 1 - beta1)
        correction, eps = sqrt(1 - beta2**self.step), self.group["eps"]
        if factors is not None:
            denominators = factors.root_plus(rows, eps, divisor=correction)
        else:
            denominators = self._root_of_second_moment(rows, gradients).div_(correction).add_(eps)
        self._descend(rows, m, denominators, self.group["lr"] / (1 - beta1**self.step))
        write(self.states, "m", rows, m, self.form_m)
        if self.storage_error is not None:
            self.storage_error.add(m, read(self.states, "m", rows, width, self.form_m))

    def _root_of_second_moment(self, rows: slice, gradients: Tensor) -> Tensor:
        v = read(self.states, "v", rows, self.plan.stack[2], self.plan.v).lerp_(gradients.square(), 1 - self.group["betas"][1])
        write(self.states, "v", rows, v, self.plan.v)
        return v.sqrt_()

    def _descend(self, rows: slice, m: Tensor, denominators: Tensor, step_size: float) -> None:
        weights = [p.view(self.plan.stack)[:, rows] for p in self.parameters]
        decay = self.group["lr"] * self.group["weight_decay"]
        if decay:
            torch._foreach_mul_(weights, 1 - decay)
        torch._foreach_addcdiv_(weights, list(m.unbind()), list(denominators.unbind()), value=-step_size)

    def _gradients(self, rows: slice) -> Tensor:
        """Not to be changed: they may be the gradients themselves."""
        return together([p.grad.reshape(self.plan.stack)[:, rows] for p in self.parameters if p.grad is not None]).float()
