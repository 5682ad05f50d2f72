"""``python -m tests.docs``: writes the pages of ``docs/reference`` anew."""

from tests.docs.reference_pages import FOLDER, PAGES

for name, page in PAGES.items():
    (FOLDER / name).write_text(page())
    print(FOLDER / name)
