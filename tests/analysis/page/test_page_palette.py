import pytest

from analysis.figures.style import BASELINE_COLOUR, CATEGORIES, EXPLORED_COLOUR
from analysis.page.palette import LEAST_CONTRAST, LEVELS, contrast, on_dark, palette, ramp
from analysis.study import Cell


def cells(count: int) -> list[Cell]:
    return [Cell(f"c{number}", "", {"optimizer.lr": 10.0**-number}, number == 3, None, False) for number in range(count)]


def test_contrast_of_black_and_white_and_of_a_published_pair() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # WCAG's lightest grey for text on white


@pytest.mark.parametrize("colour", [*CATEGORIES, EXPLORED_COLOUR, BASELINE_COLOUR, "#330000"])
def test_every_colour_can_be_seen_on_dark_ground(colour: str) -> None:
    assert contrast(on_dark(colour), "#1d2127") >= LEAST_CONTRAST


def test_a_colour_that_is_seen_already_stays() -> None:
    assert on_dark("#56B4E9").upper() == "#56B4E9"


def test_a_ramp_of_many_cells_has_few_colours_in_order() -> None:
    chosen = palette(cells(400))
    assert chosen["c3"] == ["#000000", "#ffffff"]
    others = [colours for cell, colours in chosen.items() if cell != "c3"]
    assert len({light for light, _ in others}) == LEVELS
    assert [others[0][0], others[-1][0]] == [ramp("light", LEVELS)[0], ramp("light", LEVELS)[-1]]
    assert all(contrast(dark, "#1d2127") >= 1.5 for _, dark in others)
