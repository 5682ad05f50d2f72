import pytest

from tests.docs.reference_pages import FOLDER, PAGES, type_text


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "python -m tests.docs writes it anew"


def test_types_read_as_words() -> None:
    assert type_text(list[int] | None) == "list of integers or null"
    assert type_text(int | float | str) == "integer or number or text"
