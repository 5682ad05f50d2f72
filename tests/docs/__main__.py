"""``python -m tests.docs``: writes the pages of ``docs/reference`` and the README's tree anew."""

import re

from tests.docs.code_map import ROOT, folder_tree
from tests.docs.reference_pages import FOLDER, PAGES

for name, page in PAGES.items():
    (FOLDER / name).write_text(page())
    print(FOLDER / name)

readme = ROOT / "README.md"
tree = re.compile(r"(<!-- tree -->.*?```text\n).*?(\n```)", re.DOTALL)
readme.write_text(tree.sub(lambda found: f"{found[1]}{folder_tree()}{found[2]}", readme.read_text()))
print(readme)
