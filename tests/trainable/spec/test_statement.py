import json
from dataclasses import asdict
from typing import Any

import pytest

from trainable.spec.statement import DEPARTURE, EQUIVALENCE, NON_INFERIORITY, SUPERIORITY, Claim, Statement


def statement(*claims: Claim) -> Statement:
    return Statement("s", "It works.", "eval/loss", ["optimizer.lr"], {"optimizer.lr": 1e-3}, "base", list(claims), [1, 2, 3], 0, 100)


@pytest.mark.parametrize(("bound", "kind"), [(-0.05, SUPERIORITY), (0.0, SUPERIORITY), (0.01, NON_INFERIORITY)])
def test_without_a_kind_the_sign_of_the_bound_tells_it(bound: float, kind: str) -> None:
    assert Claim("x", bound).stated_kind == kind


def test_a_kind_that_is_stated_stands() -> None:
    assert Claim("x", 0.01, kind=EQUIVALENCE).stated_kind == EQUIVALENCE


def test_a_claim_about_a_number_is_a_departure() -> None:
    assert Claim("x", metric="eval/loss", away_from=0.0).stated_kind == DEPARTURE


def test_a_statement_survives_its_file() -> None:
    stated = statement(Claim("x", -0.01), Claim("within 1 %", 0.01, "eval/perplexity", {"optimizer.lr": 1.0}, kind=EQUIVALENCE))
    stated.claims.append(Claim("x", away_from=0.5, min_distance=0.05, cell={"optimizer.lr": 1.0}, against={"optimizer.lr": 2.0}))
    assert Statement.from_json(json.loads(json.dumps(stated.as_json()))) == stated


def test_a_claim_written_before_kinds_is_read_as_it_was_and_is_no_amendment() -> None:
    old = statement(Claim("x", 0.01)).as_json()
    for claim in old["claims"]:
        del claim["kind"]
    read = Statement.from_json(old)
    assert read.claims[0].stated_kind == NON_INFERIORITY
    assert statement(Claim("x", 0.01)).amending(read, "2026-02-02").amendments == []


@pytest.mark.parametrize("amendment", [{}, {"before": 1}, {"before": "x"}, {"before": {"claims": [{"unknown": 1}]}}, 3])
def test_a_damaged_amendment_is_no_statement(amendment: Any) -> None:
    with pytest.raises((TypeError, KeyError, ValueError)):
        Statement.from_json(statement(Claim("x", 0.01)).as_json() | {"amendments": [amendment]})


def test_another_kind_of_the_same_claim_is_an_amendment() -> None:
    before = statement(Claim("x", 0.01))
    (amendment,) = statement(Claim("x", 0.01, kind=EQUIVALENCE)).amending(before, "2026-02-02").amendments
    assert amendment == {"time": "2026-02-02", "before": {"claims": [asdict(Claim("x", 0.01))]}}
