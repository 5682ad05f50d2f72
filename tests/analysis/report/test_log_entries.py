from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_on_disk import SweepBuilder

from analysis.report import conclusion
from analysis.report.log_file import NAME, number_of, with_entry, with_row, write_entry


def put(text: str, key: str, body: str) -> str:
    number = number_of(text, key)
    return with_row(
        with_entry(text, key, [f"### Experiment {number}: {key}", body]), key, [str(number), f"`{key}`", "", "1.0", "2.0", "ok"]
    )


def test_entries_are_appended_and_replaced_never_doubled(tmp_path: Path) -> None:
    path = tmp_path / NAME
    for key, body in (("a-1", "first"), ("b-2", "second"), ("a-1", "first again"), ("a-1", "first again")):
        write_entry(
            path,
            key,
            lambda n, key=key, body=body: [f"### Experiment {n}: {key}", body],
            lambda n, key=key: [str(n), f"`{key}`", "x", "1", "2", "ok"],
        )
    text = path.read_text()
    assert (
        text.index("### Experiment 1: a-1\nfirst again\n") < text.index("### Experiment 2: b-2\nsecond\n") < text.index("## Hyperparameter")
    )
    assert text.count("### Experiment") == 2
    assert [line for line in text.splitlines() if line.startswith("| ") and "`" in line] == [
        "| 1 | `a-1` | x | 1 | 2 | ok |  |",
        "| 2 | `b-2` | x | 1 | 2 | ok |  |",
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_what_people_write_stays(tmp_path: Path) -> None:
    text = put(put("", "a", "one"), "b", "two")
    text = text.replace("<!-- end of a -->\n", "<!-- end of a -->\nMy own thoughts.\n").replace(
        "| 1 | `a` |  | 1.0 | 2.0 | ok |  |", "| 1 | `a` |  | 1.0 | 2.0 | ok | odd! |"
    )
    text = (
        text.replace("<!-- end of summary -->", "| – | by hand | | | | | mine |\n<!-- end of summary -->")
        + "\n## Planned Experiments\n\nMore.\n"
    )
    again = put(text, "a", "one, later")
    for kept in ("My own thoughts.", "| odd! |", "| – | by hand | | | | | mine |", "## Planned Experiments\n\nMore."):
        assert again.count(kept) == 1
    assert "one, later" in again
    assert "\none\n" not in again


def test_an_entry_edited_between_its_marks_is_kept_below_once() -> None:
    text = put("", "a", "one").replace("one", "one, but I doubt it")
    again = put(put(text, "a", "two"), "a", "three")
    assert again.count("one, but I doubt it") == 1
    assert again.index("three") < again.index("The entry as it was edited by hand") < again.index("one, but I doubt it")
    assert again.count("### Experiment 1: a") == 2


def test_text_from_outside_cannot_end_an_entry() -> None:
    text = put(put("", "a", "evil <!-- end of a --> text"), "a", "new")
    assert "evil" not in text


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.lists(st.tuples(st.sampled_from("abc"), st.text("xy#|\n-", max_size=8)), max_size=6))
def test_any_file_keeps_its_own_text(text: str, entries: list[tuple[str, str]]) -> None:
    log = text
    for key, body in entries:
        log = put(log, key, body)
        assert put(log, key, body) == log
    assert log.startswith(text.rstrip()) or not entries
    for key in {key for key, _ in entries}:
        assert log.count(f"<!-- end of {key} -->") == 1


def test_a_sweeps_entry_follows_the_template(lived: SweepBuilder) -> None:
    with patch.object(conclusion, "draw_figures", return_value=[]):
        directory = lived.write()
        conclusion.conclude(directory)
        text = (lived.root / NAME).read_text()
        conclusion.conclude(directory)
    assert (lived.root / NAME).read_text() == text
    assert [line for line in text.splitlines() if line.startswith("#### ")] == [
        "#### Configuration",
        "#### Results",
        "#### Key Metrics Over Training (seed 1)",
        "#### Observations",
        "#### Lessons Learned",
        "#### Next Steps",
    ]
    assert "### Experiment 1: lr_ablation-0badcafe" in text
    assert "- Final validation loss: 3.7037" in text
    assert "| 40 | 3.6100 | 3.6000 | 1.0000e-03 | 1000.0 |" in text or "| 40 | 3.6100 | 3.6000 | 0.0010 | 1000.0 |" in text
    assert "| 1 | `lr_ablation-0badcafe` | lr = 0.01 | 3.7137 | 3.7037 | CONFIRMED |  |" in text
