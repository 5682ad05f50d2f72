"""The README keeps its promises: its tree names every folder with its own first sentence, its links lead somewhere."""

import re

from tests.docs.code_map import ROOT, clause, files, folder_tree, folders

README = (ROOT / "README.md").read_text()


def test_every_folder_and_every_file_says_what_it_is() -> None:
    paths = [path for folder in folders() for path in (folder / "__init__.py", *files(folder))]
    assert [path for path in paths if not clause(path)] == []


def test_the_tree_is_that_of_the_checkout() -> None:
    shown = re.search(r"<!-- tree -->.*?```text\n(.*?)\n```", README, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == folder_tree(), "python -m tests.docs writes it anew"


def test_links_lead_to_files() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
