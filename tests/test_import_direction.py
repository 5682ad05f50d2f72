"""Who may import whom (design, section 3): read from the sources, and seen in a fresh interpreter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("sweeps", "trainable", "search_spaces", "analysis")
ROOMS = ("model", "data", "optim", "adapters", "tracker")


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def ours(path: Path) -> set[str]:
    """Our modules that a file needs; a package without code of its own is only a folder."""
    known = modules()
    return {name for name in imports(path) if name in known and known[name].read_text().strip()}


def violations(importer: tuple[str, ...], forbidden: tuple[str, ...], but: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name} imports {imported}"
        for name, path in modules().items()
        if under(name, *importer)
        for imported in imports(path)
        if under(imported, *forbidden) and not under(imported, *but) and not under(name, *but)
    ]


def test_the_specification_imports_nothing_of_ours_and_nothing_heavy() -> None:
    forbidden = ("sweeps", "search_spaces", "analysis", "trainable", "torch", "ray", "numpy", "pandas", "optuna", "wandb")
    found = {
        name: [imported for imported in imports(path) if under(imported, *forbidden) and not under(imported, "trainable.spec")]
        for name, path in modules().items()
        if under(name, "trainable.spec")
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_sees_another(room: str) -> None:
    others = tuple(f"trainable.{other}" for other in ROOMS if other != room)
    assert violations((f"trainable.{room}",), (*others, "sweeps", "search_spaces", "analysis", "ray")) == []


def test_bounds_stand_above_the_rooms_and_below_the_trainer() -> None:
    rooms = tuple(f"trainable.{room}" for room in (*ROOMS, "probes"))
    assert violations(rooms, ("trainable.bounds",)) == []
    above = ("trainer", "train", "evaluate", "ray_trainable", "tracker", "optim")
    forbidden = (*(f"trainable.{name}" for name in above), "sweeps", "analysis", "ray")
    assert violations(("trainable.bounds",), forbidden) == []


def test_analysis_sees_only_the_specification() -> None:
    assert violations(("analysis",), ("sweeps", "search_spaces", "torch", "ray", "wandb", "optuna")) == []
    assert violations(("analysis",), ("trainable",), but=("trainable.spec",)) == []


def test_only_one_file_of_trainable_imports_ray() -> None:
    names = {line.split()[0] for line in violations(("trainable",), ("ray", "sweeps", "search_spaces", "analysis"))}
    assert names == {"trainable.ray_trainable"}


def test_search_spaces_import_nothing_of_ours() -> None:
    assert violations(("search_spaces",), ("sweeps", "trainable", "analysis")) == []


def test_there_is_no_cycle() -> None:
    graph = {name: ours(path) for name, path in modules().items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for imported in graph[name]:
                visit(imported, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import trainable.request", ("torch", "ray", "pandas")),
        ("import sweeps.runner.tune_bridge, sweeps.runner.ranked_trainable", ("torch", "wandb")),
        ("import analysis.__main__", ("torch", "ray", "wandb", "optuna")),
        ("from sweeps.lr_ablation import SWEEP; from sweeps.runner.blueprint import draw_up; draw_up(SWEEP, [])", ("torch", "wandb")),
    ],
)
def test_what_a_fresh_interpreter_loads(statement: str, absent: tuple[str, ...]) -> None:
    code = f"import sys; {statement}; print(sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    assert done.stdout.strip() == "[]"


def test_files_and_functions_stay_small() -> None:
    long = []
    for name, path in modules().items():
        text = path.read_text()
        if text.count("\n") > 250:
            long.append(f"{name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50:
                long.append(f"{name}.{node.name}")
    assert long == []


def test_every_sweep_is_a_short_statement() -> None:
    for path in (ROOT / "sweeps").glob("*.py"):
        if not path.stem.startswith("_") and path.stem != "cluster":
            body = ast.parse(path.read_text()).body
            assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.For | ast.While) for node in body), path.name
