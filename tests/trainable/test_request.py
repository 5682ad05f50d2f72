from pathlib import Path

import pytest

from trainable.optim.registry import OPTIMIZERS
from trainable.request import request_run
from trainable.spec.compose import PRESETS, choices
from trainable.spec.mistakes import WrongRequest


def mistakes_of(*overrides: str) -> list[str]:
    with pytest.raises(WrongRequest) as caught:
        request_run(overrides)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("optimizer.lr=0", ["optimizer.lr=0", "above 0"]),
        ("optimizer.lr=-1e-3", ["optimizer.lr=-0.001", "above 0"]),
        ("optimizer.lr=nan", ["optimizer.lr=nan", "finite"]),
        ("optimizer.lr=inf", ["optimizer.lr=inf", "finite"]),
        ("optimizer.momentum=0.5", ["optimizer.momentum=0.5", "adamw", "betas"]),
        ("schedule.warmup_steps=401", ["schedule.warmup_steps=401", "longer", "training.max_steps=400"]),
        ("optimizer.name=adamax", ["optimizer.name", "'adamax'", "did you mean 'adam'"]),
        ("schedule.name=cosin", ["schedule.name", "did you mean 'cosine'"]),
        ("model.architecture=gpt3", ["model.architecture", "did you mean 'gpt2'"]),
        ("data=text", ["data.path"]),
    ],
)
def test_every_room_checks_its_part(override: str, parts: list[str]) -> None:
    text = "\n".join(mistakes_of(override))
    for part in parts:
        assert part in text


@pytest.mark.parametrize(("content", "word"), [(None, "no such file"), (b"", "empty"), (b"\x00\x01\x02" * 50, "not a text file")])
def test_a_text_that_cannot_be_read_is_refused_before_anything_starts(tmp_path: Path, content: bytes | None, word: str) -> None:
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    (mistake,) = mistakes_of("data=text", f"data.path={path}")
    assert str(path) in mistake
    assert word in mistake


def test_mistakes_of_all_rooms_come_together() -> None:
    found = mistakes_of("optimizer.lr=-1", "model.num_heads=3", "schedule.warmup_steps=1000", "data=text")
    assert len(found) == 4


@pytest.mark.parametrize("preset", choices("optimizer"))
def test_a_preset_gives_an_optimizer_exactly_the_settings_it_knows(preset: str) -> None:
    lines = (PRESETS / "optimizer" / f"{preset}.yaml").read_text().splitlines()
    keys = {line.split(":")[0] for line in lines if not line.startswith(("defaults", "#"))}
    name = request_run([f"optimizer={preset}"]).optimizer.name
    assert keys - {"name", "lr", "weight_decay"} == OPTIMIZERS[name].settings
