"""How often verdicts are wrong, as docs/explanation/error-rates.md has it, simulated again with fewer sweeps and other random numbers."""

import re
from math import sqrt
from pathlib import Path

import pytest
from simulated_studies import STUDIES, any_wrong, rates

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "error-rates.md").read_text()
SHARES = r" ([\d.]+) % \|"
TOLD = [(name, int(seeds), told) for name, seeds, *told in re.findall(rf"^\| (.+) \| (\d+) \|{SHARES}{SHARES}{SHARES}$", PAGE, re.M)]
FAMILIES = [(int(claims), int(seeds), told) for claims, seeds, *told in re.findall(rf"^\| (\d+) \| (\d+) \|{SHARES}{SHARES}$", PAGE, re.M)]
SWEEPS = 1000


def agree(found: float, told: str) -> bool:
    """Within four standard errors of a share of so few sweeps, and the rounding of the page."""
    share = float(told) / 100
    return abs(found - share) <= 4 * sqrt(max(share * (1 - share), 1 / SWEEPS) / SWEEPS) + 0.0005


def test_the_page_has_every_study() -> None:
    assert {name for name, *_ in TOLD} == set(STUDIES)
    assert (len(TOLD), len(FAMILIES)) == (3 * len(STUDIES), 9)


@pytest.mark.parametrize(("name", "seeds", "told"), [line for line in TOLD if line[1] != 5])
def test_verdicts_are_wrong_as_often_as_the_page_says(name: str, seeds: int, told: list[str]) -> None:
    found = rates(STUDIES[name], seeds, SWEEPS, seed=2)
    assert [agree(share, text) for share, text in zip(found, told, strict=True)] == [True, True, True], (found, told)


@pytest.mark.parametrize(("claims", "seeds", "told"), [line for line in FAMILIES if line[1] == 3])
def test_several_claims_share_their_error_as_the_page_says(claims: int, seeds: int, told: list[str]) -> None:
    found = any_wrong(claims, seeds, SWEEPS, seed=2)
    assert [agree(share, text) for share, text in zip(found, told, strict=True)] == [True, True], (found, told)
