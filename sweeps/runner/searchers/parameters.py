"""Ray Tune's domains as Optuna's parameters, and values there and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from ray.tune.search.sample import Categorical, Integer

from sweeps.runner.searchers.domains import grid_values, integer_bounds, is_log, label, native, quantum
from sweeps.runner.searchers.searcher import Space

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Parameter:
    """`choices` are the values of a categorical one by their labels; `q` is what numbers are rounded to."""

    distribution: BaseDistribution
    choices: Mapping[Any, Any] | None = None
    q: float | int | None = None

    def encode(self, value: Any) -> Any:
        """The value as Optuna keeps it; whether it lies in the distribution is Optuna's own check."""
        if self.choices is not None:
            return _choice(value)
        value = native(value)
        if self.q is None or isinstance(value, bool) or not isinstance(value, int | float):
            return value
        # 3 * 0.1 is a little above 0.3: what quantizing does to the last digit does not put a value outside.
        inside = min(max(value, self.distribution.low), self.distribution.high)
        return inside if math.isclose(inside, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING * self.q) else value

    def decode(self, param: Any) -> Any:
        """The value that a trial is started with; multiples of q are written as Ray writes them."""
        if self.choices is not None:
            return self.choices[param]
        return param if self.q is None else type(param)(round(param / self.q) * self.q)


def parameters(space: Space) -> dict[str, Parameter]:
    """A parameter for every key, sorted by key; grid keys are categorical, so that a model learns them beside the drawn ones.

    Raises `ValueError` for domains that `space_mistakes` names.
    """
    return {key: _parameter(domain) for key, domain in sorted(space.items())}


def _parameter(domain: Any) -> Parameter:
    values = grid_values(domain)
    if values is None and isinstance(domain, Categorical):
        values = [native(value) for value in domain.categories]
    if values is not None:
        choices = {_choice(value): value for value in values}
        return Parameter(CategoricalDistribution(list(choices)), choices)
    return _integer(domain) if isinstance(domain, Integer) else _float(domain)


def _choice(value: Any) -> Any:
    """Optuna takes plain values as they are; lists and dictionaries go by their text."""
    value = native(value)
    return value if value is None or isinstance(value, bool | int | float | str) else label(value)


def _integer(domain: Any) -> Parameter:
    """Bounds are inclusive in Optuna; a logarithmic integer has no step there, so it is drawn and then rounded."""
    q, (low, high) = quantum(domain), integer_bounds(domain)
    if is_log(domain):
        return Parameter(IntDistribution(low, high, log=True), q=q)
    return Parameter(IntDistribution(low, high, step=q or 1), q=q)


def _float(domain: Any) -> Parameter:
    q, low, high = quantum(domain), float(domain.lower), float(domain.upper)
    if q is None or is_log(domain):
        return Parameter(FloatDistribution(low, high, log=is_log(domain)), q=q)
    # Optuna counts steps in decimals from `low`; Ray has checked that both bounds are multiples of q up to rounding.
    whole = Decimal(str(low)) + round((high - low) / q) * Decimal(str(q))
    return Parameter(FloatDistribution(low, float(whole), step=q), q=q)
