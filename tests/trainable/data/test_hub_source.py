"""The hub stands in at its outermost edge: a module `datasets` with `load_dataset`."""

import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trainable.data import hub
from trainable.data.checks import mistakes
from trainable.data.prepare import main, prepare
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import WrongRequest

Install = Callable[[Callable[..., Any]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    def put(load_dataset: Callable[..., Any]) -> None:
        module = ModuleType("datasets")
        module.__spec__ = ModuleSpec("datasets", None)
        vars(module)["load_dataset"] = load_dataset
        monkeypatch.setitem(sys.modules, "datasets", module)

    hub._load.cache_clear()
    yield put
    hub._load.cache_clear()


def config(root: Path, **changes: Any) -> DataConfig:
    values = {"name": "tinystories", "hub_path": "owner/stories", "root": str(root), "vocab_size": 280}
    return DataConfig(**{**values, **changes})


def rows(prefix: str, count: int) -> list[dict[str, str]]:
    return [{"text": f"{prefix} story {n}"} for n in range(count)]


def counts(data: Any) -> dict[str, int]:
    return {split: facts["documents"] for split, facts in data.manifest["splits"].items()}


def test_the_splits_of_the_data_set_are_kept_and_a_missing_one_is_held_out(tmp_path: Path, install: Install) -> None:
    install(lambda *_, **__: {"train": rows("train", 100), "validation": rows("validation", 7)})
    data = prepare(config(tmp_path, test_fraction=0.05))
    assert counts(data) == {"train": 95, "val": 7, "test": 5}
    assert np.count_nonzero(data.val == data.eot_token) == 7


def test_a_data_set_with_all_splits_is_taken_as_it_is(tmp_path: Path, install: Install) -> None:
    install(lambda *_, **__: {"train": rows("a", 6), "validation": rows("b", 2), "test": rows("c", 3)})
    assert counts(prepare(config(tmp_path))) == {"train": 6, "val": 2, "test": 3}


def test_a_data_set_with_one_split_is_split_by_document(tmp_path: Path, install: Install) -> None:
    install(lambda *_, **__: {"train": rows("a", 40)})
    assert counts(prepare(config(tmp_path, val_fraction=0.1, test_fraction=0.1))) == {"train": 32, "val": 4, "test": 4}


def test_the_request_reaches_the_hub_and_only_the_first_documents_are_streamed(tmp_path: Path, install: Install) -> None:
    calls = []

    def load_dataset(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return {"train": rows("a", 50)}

    install(load_dataset)
    prepare(config(tmp_path, hub_config="raw"))
    prepare(config(tmp_path, hub_config="raw", max_documents=10))
    assert calls == [(("owner/stories", "raw"), {"streaming": False}), (("owner/stories", "raw"), {"streaming": True})]


def test_wikitext_lines_are_joined_into_articles() -> None:
    lines = [
        "",
        " = Robert Boulter = \n",
        "",
        " Robert is an actor .\n",
        " = = Career = = \n",
        " He acts .\n",
        " = Du Fu = \n",
        " A poet .\n",
    ]
    articles = [article for article in hub.articles(iter(lines)) if article]
    assert articles == ["".join(lines[1:6]), "".join(lines[6:])]


def test_a_wrong_column_names_the_nearest(tmp_path: Path, install: Install) -> None:
    install(lambda *_, **__: {"train": rows("a", 10)})
    with pytest.raises(WrongRequest, match=r"data.text_column=texts: no such column in owner/stories \(did you mean 'text'\?\)"):
        prepare(config(tmp_path, text_column="texts"))


def test_no_network_is_one_sentence_and_exit_2(tmp_path: Path, install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    def load_dataset(*_: Any, **__: Any) -> Any:
        raise ConnectionError("Couldn't reach 'roneneldan/TinyStories' on the Hub\nwith a long story")

    install(load_dataset)
    assert main(["data=tinystories", f"data.root={tmp_path}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: data.hub_path=roneneldan/TinyStories: could not be loaded from the Hugging Face hub (ConnectionError: ")
    assert not [path for path in (tmp_path / "processed").iterdir() if path.is_dir()]


def test_a_network_that_fails_midway_leaves_nothing(tmp_path: Path, install: Install) -> None:
    def breaking() -> Iterator[dict[str, str]]:
        yield {"text": "one"}
        raise OSError("connection reset")

    install(lambda *_, **__: {"train": breaking()})
    with pytest.raises(WrongRequest, match=r"could not be loaded .*OSError: connection reset"):
        prepare(config(tmp_path))
    assert not [path for path in (tmp_path / "processed").iterdir() if path.is_dir()]


def test_the_missing_package_is_found_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    (mistake,) = mistakes(config(tmp_path))
    assert "transformer-sweeps[hub]" in mistake
    assert list(tmp_path.iterdir()) == []


def test_a_prepared_data_set_needs_no_hub(tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(lambda *_, **__: {"train": rows("a", 40)})
    prepare(config(tmp_path))
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert mistakes(config(tmp_path)) == []
    assert prepare(config(tmp_path)).vocab_size == 280
