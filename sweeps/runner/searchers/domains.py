"""Reading Ray Tune's domains: what a key's domain is, how it is written, and what is wrong with it."""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from ray.tune.search.sample import Categorical, Domain, Float, Function, Grid, Integer, LogUniform, Normal, Quantized

_GRID = "grid_search"
_INSTEAD = "tune.grid_search([...]), tune.choice([...]), tune.uniform, tune.loguniform, tune.randint or one of their relatives"


def grid_values(domain: Any) -> list[Any] | None:
    """The values of a ``tune.grid_search`` in native types; None for any other domain."""
    if isinstance(domain, dict) and set(domain) == {_GRID}:
        return [native(value) for value in domain[_GRID]]
    if isinstance(domain, Categorical) and isinstance(domain.get_sampler(), Grid):
        return [native(value) for value in domain.categories]
    return None


def is_sampled(domain: Any) -> bool:
    """Whether values are drawn from the domain, and not taken one after the other."""
    return isinstance(domain, Float | Integer | Categorical) and grid_values(domain) is None


def native(value: Any) -> Any:
    """A NumPy scalar as the Python number it stands for; everything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def label(value: Any) -> str:
    """One text for equal values, also after a round trip through the ledger.

    Raises TypeError or ValueError for a value that JSON cannot hold.
    """
    return json.dumps(native(value), sort_keys=True, allow_nan=False)


def is_log(domain: Domain) -> bool:
    return isinstance(_unquantized(domain), LogUniform)


def is_normal(domain: Domain) -> bool:
    return isinstance(_unquantized(domain), Normal)


def quantum(domain: Domain) -> Any:
    """The q of a quantized domain, else None."""
    sampler = domain.get_sampler()
    return sampler.q if isinstance(sampler, Quantized) else None


def _unquantized(domain: Domain) -> Any:
    sampler = domain.get_sampler()
    return sampler.sampler if isinstance(sampler, Quantized) else sampler


def integer_bounds(domain: Integer) -> tuple[int, int]:
    """The smallest and the largest value that can be drawn; the first is above the second when there is none.

    Ray excludes the upper bound, but includes it for quantized integers, unless q is 1.
    """
    q = quantum(domain)
    if q in (None, 1):
        return int(domain.lower), int(domain.upper) - 1
    return math.ceil(domain.lower / q) * q, math.floor(domain.upper / q) * q


def extremes(domain: Any) -> list[Any]:
    """The values of a sampled domain that are the first to break a rule: its bounds, or all that can be chosen; none without bounds."""
    if isinstance(domain, Categorical):
        return [native(value) for value in domain.categories]
    if isinstance(domain, Integer):
        return list(integer_bounds(domain))
    return [] if is_normal(domain) else [float(domain.lower), float(domain.upper)]


def described(domain: Any) -> str:
    """The domain as it is written in a search space."""
    if (values := grid_values(domain)) is not None:
        return f"tune.grid_search({values})"
    if isinstance(domain, Categorical):
        return f"tune.choice({domain.categories})"
    if not isinstance(domain, Float | Integer):
        return repr(domain)
    q = quantum(domain)
    prefix = ("q" if q is not None else "") + ("log" if is_log(domain) else "")
    tail = "" if q is None else f", {q}"
    if is_normal(domain):
        sampler = _unquantized(domain)
        return f"tune.{prefix}randn({sampler.mean}, {sampler.sd}{tail})"
    name = "randint" if isinstance(domain, Integer) else "uniform"
    return f"tune.{prefix}{name}({domain.lower}, {domain.upper}{tail})"


def domain_mistakes(key: str, domain: Any) -> Iterator[str]:
    """What is wrong with one key's domain, whatever the searcher."""
    values = grid_values(domain)
    if values is not None:
        yield from _value_mistakes(key, "tune.grid_search", values)
    elif isinstance(domain, Categorical):
        yield from _value_mistakes(key, "tune.choice", domain.categories)
    elif isinstance(domain, Float | Integer):
        yield from _bound_mistakes(key, domain)
    elif isinstance(domain, Function) or callable(domain):
        yield f"'{key}': a function cannot be recorded and drawn again; use {_INSTEAD}"
    elif isinstance(domain, dict):
        yield f"'{key}': a nested space is not supported; write dotted keys, '{key}.<name>': <domain>"
    else:
        yield f"'{key}': {domain!r} is not a domain; use {_INSTEAD}"


def _value_mistakes(key: str, kind: str, values: list[Any]) -> Iterator[str]:
    if not values:
        yield f"'{key}': {kind}([]) has no values"
    seen: list[Any] = []
    for value in values:
        try:
            text = label(value)
        except (TypeError, ValueError):
            yield f"'{key}': {value!r} in {kind} is not a number, text, true, false, null or a list or dictionary of them"
            continue
        # True == 1 == 1.0, and a tuple comes back from the ledger as a list.
        if any(value == other or text == label(other) for other in seen):
            yield f"'{key}': {value!r} stands twice in {kind}"
        seen.append(value)


def _bound_mistakes(key: str, domain: Any) -> Iterator[str]:
    q = quantum(domain)
    if q is not None and not q > 0:
        yield f"'{key}': `q > 0` must hold, but got {described(domain)}"
    elif is_normal(domain):
        return
    elif not (math.isfinite(domain.lower) and math.isfinite(domain.upper)):
        yield f"'{key}': both bounds must be finite, but got {described(domain)}"
    elif isinstance(domain, Float) and not domain.lower < domain.upper:
        yield f"'{key}': `low < high` must hold, but got {described(domain)}"
    elif isinstance(domain, Integer) and integer_bounds(domain)[0] > integer_bounds(domain)[1]:
        yield f"'{key}': `low < high` must hold (the upper bound is excluded), but got {described(domain)}"
