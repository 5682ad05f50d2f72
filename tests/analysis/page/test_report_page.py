"""``report.html`` without a browser: what stands in it, that no text becomes markup, and that it stays small and the same."""

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile_sweep import BREAKOUT, IMAGE, LINK
from sweep_on_disk import SweepBuilder

from analysis.page.document import library
from analysis.page.page import report_html, write_page
from analysis.page.page_data import MOST_TRIALS, page_data, shown_rows
from analysis.report.conclusion import conclude
from analysis.study import Study
from trainable.spec.sweep_dir import SweepDir

MOST_BYTES = 6_000_000


class Reader(HTMLParser):
    """Every element with its attributes, and the text inside of scripts and of everything else."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0])
        return found


@pytest.fixture(scope="module")
def page(hostile: Study) -> str:
    return report_html(hostile, ["RESULTS.md", "figures/loss_curves.pdf", "figures/loss_curves.png"])


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return Reader(page)


def test_no_text_of_a_sweep_becomes_markup(reader: Reader) -> None:
    tags = Counter(name for name, _ in reader.elements)
    assert (tags["img"], tags["script"], tags["style"]) == (0, 3, 1)
    assert [link["href"] for link in reader.all("a")] == ["#trials", "RESULTS.md", "figures/loss_curves.pdf", "figures/loss_curves.png"]
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert f"sweep{IMAGE}" in reader.text
    assert BREAKOUT in reader.text


def test_texts_arrive_whole_in_the_data(reader: Reader) -> None:
    columns = {column["id"]: column for column in reader.data["columns"]}
    assert f"RuntimeError: {IMAGE}{BREAKOUT}" in columns["error"]["values"]
    assert set(columns["config.data.name"]["values"]) == {"text", LINK}
    assert reader.data["config"]["optimizer.name"] == IMAGE


def test_only_its_own_scripts_run_and_nothing_is_fetched(reader: Reader, page: str) -> None:
    policy = next(meta["content"] for meta in reader.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in reader.scripts[1:]]
    assert rules["script-src"].split() == [f"'sha256-{each}'" for each in hashes]
    assert (rules["default-src"], rules["connect-src"]) == ("'none'", "'none'")
    ours = page.replace(library(), "")
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", ours)


def test_the_verdict_comes_first_with_its_interval(reader: Reader) -> None:
    assert re.findall(r"CONFIRMED|Confirmed configurations|All trials|Table of trials", reader.text) == [
        "CONFIRMED",
        "CONFIRMED",
        "Confirmed configurations",
        "All trials",
        "Table of trials",
    ]
    told = [svg["aria-label"] for svg in reader.all("svg")]
    assert told[0].startswith("95% interval from -")
    assert told[0].endswith("bound at -5.00%")
    assert len(told) == 2  # the verdict's and the winner's; the baseline has none


def test_every_control_and_figure_has_a_name(reader: Reader) -> None:
    plots = [div for div in reader.all("div") if div.get("class") == "plot"]
    assert len(plots) == 4
    assert all(plot["aria-label"] for plot in plots)
    assert all(heading["scope"] == "col" for heading in reader.all("th") if "scope" in heading and heading["scope"] != "row")
    assert reader.all("html")[0]["lang"] == "en"


def test_the_same_study_gives_the_same_bytes(hostile: Study, page: str) -> None:
    again = Study.from_files(hostile.metrics.parent)
    assert report_html(again, ["RESULTS.md", "figures/loss_curves.pdf", "figures/loss_curves.png"]) == page


def test_missing_and_not_finite_numbers_are_null(hostile: Study) -> None:
    data = page_data(hostile)
    status = next(column for column in data["columns"] if column["id"] == "status")["values"]
    metric = next(column for column in data["columns"] if column["id"] == "eval/loss")["values"]
    assert metric[status.index("diverged")] is None
    assert json.loads(json.dumps(data, allow_nan=False)) == json.loads(json.dumps(data))


def test_every_trial_has_its_curve_with_its_own_last_point(hostile: Study) -> None:
    data = page_data(hostile)
    names = next(column for column in data["columns"] if column["id"] == "trial")["values"]
    rows = {row["trial"]: row for row in hostile.rows}
    evaluated = next(metric for metric in data["curves"] if metric["metric"] == "eval/loss")["curves"]
    assert {names[trial]: (sum(steps), values[-1]) for trial, steps, values in evaluated} == {
        name: (row["step"], pytest.approx(row["eval/loss"], rel=1e-4)) for name, row in rows.items() if row["eval/loss"] is not None
    }


def test_a_large_sweep_stays_below_the_limit_and_says_what_it_left_out(hostile: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [row for row in hostile.rows if row["eval/loss"] is not None]
    many = [
        {**known[number % len(known)], "trial": f"{number:012x}-s0", "stage": "explore", "seed": number, "eval/loss": 3 + number / 7e3}
        | {
            "config.optimizer.lr": 1e-5 * (1 + number / 3),
            "run_id": f"20260301_1200_baseline-adam_tiny_{number:040x}",
            "tokens": 7 * number,
        }
        | {"test/loss": 3 + number / 7e4, "time/tokens_per_sec": 1e4 + number / 3, "duration_seconds": 60 + number / 9}
        for number in range(MOST_TRIALS + 100)
    ]
    crowd = replace(hostile, rows=many)
    monkeypatch.setattr("analysis.page.page_data.curve_data", lambda *_: [])  # bounded by its own count of points
    page = report_html(crowd)
    assert len(page.encode()) + 10 * 40_000 + 16 * MOST_TRIALS < MOST_BYTES
    assert f"The page carries {MOST_TRIALS} of {MOST_TRIALS + 100} trials" in page
    assert len(shown_rows(crowd)) == MOST_TRIALS


def test_a_sweep_without_trials_has_a_page(hostile: Study) -> None:
    text = Reader(report_html(replace(hostile, rows=[]))).text
    assert "No configuration has been confirmed yet." in text
    assert "exploration has not named its finalists yet" in text


def test_a_sweep_ends_with_its_page(lived: SweepBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.report.conclusion.draw_figures", lambda *_: [])
    directory = lived.write()
    conclude(directory)
    page = directory.page.read_bytes()
    assert b"tables/claims.csv" in page
    assert len(page) < MOST_BYTES
    write_page(Study.from_files(directory.path), SweepDir(directory.path), [Path("/elsewhere/claims.csv")])
    assert b"claims.csv" not in directory.page.read_bytes()
