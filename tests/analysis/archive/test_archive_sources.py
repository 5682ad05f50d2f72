"""The code that an archive carries, and the packages that are enough to run it."""

import ast
import io
import sys
import tarfile

from analysis.archive.sources import DISTRIBUTIONS, ROOT, packed_sources, requirements

MODULE_OF = {"hydra-core": "hydra", "Jinja2": "jinja2", "MarkupSafe": "markupsafe", "PyYAML": "yaml"}


def test_the_named_packages_are_all_that_rebuilding_imports() -> None:
    """matplotlib brings what it needs itself; everything that our own files name has to be in the list."""
    files = [*(ROOT / "analysis").rglob("*.py"), *(ROOT / "trainable" / "spec").rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    outside = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"analysis", "trainable"}
    assert outside <= {MODULE_OF.get(each, each) for each in DISTRIBUTIONS}


def test_the_sources_are_packed_the_same_way_again() -> None:
    packed = packed_sources()
    assert packed == packed_sources()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        names = tar.getnames()
    assert {"analysis/archive/rebuild.py", "analysis/page/report.html", "trainable/spec/presets/config.yaml", "pyproject.toml"} <= set(
        names
    )
    assert names == sorted(names)


def test_requirements_name_versions_that_an_index_has() -> None:
    assert requirements({"torch": "2.13.0+cpu", "Numpy": "2.4.6"}) == "Numpy==2.4.6\ntorch==2.13.0\n"
