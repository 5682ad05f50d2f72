from math import prod
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainable.adapters.entry import Shapes
from trainable.adapters.lora import LORA
from trainable.adapters.registry import ADAPTERS
from trainable.adapters.subspace.allocation import ALLOCATIONS, Part, group_of, plan, shares, side_of, sizes_of_groups
from trainable.model.size import linear_shapes, parameter_shapes
from trainable.spec.compose import compose_run
from trainable.spec.config import AdapterConfig, ModelConfig


def sublora(**changes: Any) -> AdapterConfig:
    config = compose_run(["adapter=sublora"]).adapter
    for name, value in changes.items():
        setattr(config, name, value)
    return config


def lora_shapes(model: ModelConfig) -> Shapes:
    return LORA.trainable(sublora(), parameter_shapes(model), linear_shapes(model))


GPT2 = compose_run(["model=gpt2-small", "model.vocab_size=50304"]).model
SHAPES = lora_shapes(GPT2)
MODES: list[dict[str, Any]] = [
    {"allocation": "uniform"},
    *({"allocation": "fixed", "allocation_ratio": ratio} for ratio in (0.2, 0.5, 0.8, 1.0)),
    {"allocation": "learned"},
]


def places(parts: list[Part]) -> dict[tuple[int, int], list[Part]]:
    found: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        found.setdefault((part.start, part.start + part.size), []).append(part)
    return found


def test_gpt2_small_has_the_weights_of_the_study() -> None:
    assert sum(map(prod, SHAPES.values())) == 351_744
    assert sum(prod(shape) for name, shape in SHAPES.items() if group_of(name) == "head") == 204_288


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: "-".join(map(str, mode.values())))
@pytest.mark.parametrize("d", [1000, 1001, 2000])
def test_every_coordinate_has_one_place_and_every_weight_is_moved(mode: dict[str, Any], d: int) -> None:
    parts = plan(sublora(intrinsic_dim=d, **mode), SHAPES)
    spans = sorted(places(parts))
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == d
    names = [name for part in parts for name in part.names]
    assert len(names) == len(set(names))
    frozen = {name for name in SHAPES if side_of(name) == "A"} if mode.get("allocation_ratio") == 1.0 else set()
    assert set(names) == set(SHAPES) - frozen
    # Only the two sides of one gate share coordinates.
    assert all(len(sharing) == 1 or {part.side for part in sharing} == {"A", "B"} for sharing in places(parts).values())


@pytest.mark.parametrize(("ratio", "of_a", "of_b"), [(0.2, 800, 200), (0.5, 500, 500), (0.8, 200, 800)])
def test_the_ratio_is_the_share_of_b(ratio: float, of_a: int, of_b: int) -> None:
    parts = plan(sublora(allocation="fixed", allocation_ratio=ratio), SHAPES)
    assert {part.side: part.size for part in parts} == {"A": of_a, "B": of_b}
    assert all(side_of(name) == part.side for part in parts for name in part.names)


def test_groups_share_in_proportion_to_their_weights() -> None:
    """12,288 weights a layer and 204,288 of the head, of 351,744."""
    sizes = sizes_of_groups(plan(sublora(allocation="learned"), SHAPES))
    assert list(sizes) == [*map(str, range(12)), "head"]
    assert all(abs(size - 1000 * (204_288 if group == "head" else 12_288) / 351_744) < 1 for group, size in sizes.items())


@given(weights=st.lists(st.integers(1, 10**9), min_size=1, max_size=40), spare=st.integers(0, 10**6))
@settings(max_examples=100)
def test_shares_add_up_and_are_near_the_proportion(weights: list[int], spare: int) -> None:
    total, named = len(weights) + spare, {str(i): weight for i, weight in enumerate(weights)}
    found = shares(total, named)
    exact = {name: total * weight / sum(weights) for name, weight in named.items()}
    assert sum(found.values()) == total
    assert min(found.values()) >= 1
    if min(exact.values()) >= 1:
        assert all(abs(found[name] - exact[name]) < 1 + 1e-6 for name in named)


def test_too_few_coordinates_for_the_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="2 cannot be shared out over 3 groups"):
        shares(2, {"0": 1, "1": 1, "head": 1})


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_what_is_trained_is_d_numbers_and_a_gate_for_each_group(allocation: str) -> None:
    config = sublora(allocation=allocation, allocation_ratio=0.5 if allocation == "fixed" else None)
    found = ADAPTERS["sublora"].trainable(config, parameter_shapes(GPT2), linear_shapes(GPT2))
    gates = {f"gates.{group}.gate": () for group in [*range(12), "head"]} if allocation == "learned" else {}
    assert found == {"coordinates": (1000,), **gates}


def test_without_a_rank_or_a_subspace_it_is_one_of_the_others() -> None:
    base, linears, sub = parameter_shapes(GPT2), linear_shapes(GPT2), ADAPTERS["sublora"]
    assert sub.trainable(sublora(rank=0), base, linears) == {"coordinates": (1000,)}
    assert sub.trainable(sublora(intrinsic_dim=0), base, linears) == SHAPES
    assert sub.trainable(sublora(intrinsic_dim=0, rank=0), base, linears) == base


@pytest.mark.parametrize(
    ("name", "group", "side"),
    [
        ("layers.3.attn.q_proj.lora_A.weight", "3", "A"),
        ("base_model.model.layers.11.attn.v_proj.lora_B.default.weight", "11", "B"),
        ("lm_head.lora_B.weight", "head", "B"),
        ("transformers_model.model.layers.0.mlp.w1.weight", "0", ""),
        ("token_embeddings.weight", "head", ""),
    ],
)
def test_names_tell_the_group_and_the_side(name: str, group: str, side: str) -> None:
    assert (group_of(name), side_of(name)) == (group, side)
