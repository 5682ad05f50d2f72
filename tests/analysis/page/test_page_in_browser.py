"""The report page in a real browser: Debian's Chromium or another that is installed; nothing is downloaded."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hostile_sweep import hostile_sweep, study_of
from sweep_on_disk import LR, SweepBuilder

from analysis.page.page import write_page
from analysis.page.server import PageServer
from trainable.spec.sweep_dir import SweepDir

pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = study_of(hostile_sweep(tmp_path_factory.mktemp("browsed")))
    return write_page(study, SweepDir(study.metrics.parent))


@pytest.fixture(scope="module")
def opened(browser: Any, file: Path) -> tuple[Any, list[str], list[str]]:
    """The page, what it complained of, and what it asked for."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.set_default_timeout(PATIENCE_MS)
    complaints, requests = list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page, complaints, requests


@pytest.fixture
def page(opened: tuple[Any, list[str], list[str]]) -> Any:
    """The page with every trial shown, in the theme of the system."""
    page = opened[0]
    if page.is_visible("#clear"):
        page.click("#clear")
    page.select_option("#theme", "auto")
    return page


def names(page: Any) -> list[str]:
    return list(page.eval_on_selector_all("#trial-table tbody th", "cells => cells.map(cell => cell.textContent)"))


def column(page: Any, name: str) -> list[str]:
    texts = page.eval_on_selector_all("#trial-table thead th", "cells => cells.map(cell => cell.textContent)")
    place = texts.index(name)
    return list(page.eval_on_selector_all("#trial-table tbody tr", f"rows => rows.map(row => row.cells[{place}].textContent)"))


def drawn(page: Any, figure: str) -> set[int]:
    """Trials whose marks or curves a figure shows beside the pale ones."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # figures follow before a frame
    shown = "document.getElementById(id).data.filter(trace => trace.hoverinfo !== 'skip')"
    found = page.evaluate(f"id => {shown}.flatMap(trace => trace.customdata ?? [])", figure)
    return {trial for trial in found if trial is not None}


def listed(page: Any) -> set[int]:
    return set(page.eval_on_selector_all("#trial-table tbody tr", "rows => rows.map(row => Number(row.dataset.trial))"))


def drag(page: Any, figure: str, left: float, top: float, right: float, bottom: float) -> None:
    """A box over these shares of a figure's plotting area; returns when it has filtered."""
    area = page.locator(f"#{figure} .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + (left + right) / 2 * box["width"], box["y"] + (top + bottom) / 2 * box["height"], steps=4)
    page.mouse.move(box["x"] + right * box["width"], box["y"] + bottom * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_selector("#clear", state="visible")


def test_it_loads_without_complaint_and_asks_for_nothing(opened: tuple[Any, list[str], list[str]], file: Path) -> None:
    page, complaints, requests = opened
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]
    assert page.evaluate("[typeof window.hacked, document.images.length]") == ["undefined", 0]
    assert page.inner_text("#count") == "14 of 14 trials"


def test_the_table_sorts_both_ways_with_missing_values_last(page: Any) -> None:
    page.click("#trial-table thead button:text-is('eval/loss')")
    ascending = column(page, "eval/loss")
    assert page.get_attribute("th[data-column='eval/loss']", "aria-sort") == "ascending"
    known = [float(text) for text in ascending if text != "–"]
    assert known == sorted(known)
    assert ascending[-2:] == ["–", "–"]
    page.click("#trial-table thead button:text-is('eval/loss')")
    assert page.get_attribute("th[data-column='eval/loss']", "aria-sort") == "descending"
    assert [float(text) for text in column(page, "eval/loss")[: len(known)]] == known[::-1]
    page.focus("#trial-table thead button:text-is('seed')")
    page.keyboard.press("Enter")
    assert column(page, "seed") == sorted(column(page, "seed"))
    assert page.locator("#trial-table thead th[aria-sort]").count() == 1


def test_a_filter_reaches_every_view(page: Any) -> None:
    page.select_option("#fields label:has-text('status') select", "=stopped_early")
    assert column(page, "status") == ["stopped_early"]
    assert page.inner_text("#count") == "1 of 14 trials"
    assert drawn(page, "curves") == drawn(page, "by-value") == listed(page)
    page.click("button.chip")
    assert len(names(page)) == 14


def test_ranges_search_and_configurations_filter_too(page: Any) -> None:
    page.fill("fieldset:has-text('lr') input[placeholder='from']", "0.01")
    page.press("fieldset:has-text('lr') input[placeholder='from']", "Enter")
    assert {float(text) for text in column(page, "lr")} == {0.01, 0.03, 0.1, 1.0}
    for wanted, count in (("nowhere", 0), ("ONERROR", 1)):
        page.fill("#search", wanted)
        page.wait_for_selector(f"#count:text-is('{count} of 14 trials')")
        assert len(names(page)) == count
    page.click("#clear")
    page.click("#cells button.cell >> nth=1")
    assert [name.endswith("(winner)") for name in names(page)] == [True] * 4


def test_a_box_around_marks_filters_the_table_and_the_curves(page: Any) -> None:
    drag(page, "by-value", 0.02, 0.02, 0.5, 0.98)
    kept = listed(page)
    assert 0 < len(kept) < 14
    assert drawn(page, "curves") <= kept
    assert {float(text) for text in column(page, "lr")} <= {0.0001, 0.001, 0.003}
    page.click("#clear")
    assert len(listed(page)) == 14


def test_a_box_over_an_axis_filters_the_others(page: Any) -> None:
    """The second axis holds names: the lower is 'text', or the hostile one."""
    right = page.evaluate("() => { const x = document.getElementById('parallel')._fullLayout.xaxis; return x.d2p(1) / x._length; }")
    drag(page, "parallel", right - 0.06, 0.02, right + 0.06, 0.45)
    kept = listed(page)
    assert 0 < len(kept) < 14
    assert len(set(column(page, "name"))) == 1
    assert drawn(page, "by-value") <= kept
    assert drawn(page, "curves") <= kept


def test_a_trial_opens_with_its_curve_and_configuration_and_closes_by_key(page: Any) -> None:
    page.fill("#search", "runtimeerror")
    page.wait_for_selector("#count:text-is('1 of 14 trials')")
    page.focus("#trial-table tbody button.open")
    page.keyboard.press("Enter")
    details = page.locator("#details")
    assert details.get_attribute("open") is not None
    assert "RuntimeError" in details.locator("pre").first.inner_text()
    assert [text.strip() for text in details.locator("tr.own th").all_inner_texts()] == ["data.name", "optimizer.lr"]
    page.keyboard.press("Escape")
    assert details.get_attribute("open") is None
    assert page.evaluate("document.activeElement.className") == "open"
    page.click("#clear")
    page.click("#trial-table tbody button.open >> nth=0")
    assert page.locator("#details-plot .scatterlayer path.js-line").count() > 0
    page.keyboard.press("Escape")


def test_the_theme_follows_the_system_until_one_is_chosen(page: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "document.getElementById('curves').layout.font.color"
    light = page.evaluate(f"[{ground}, {ink}]")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme='dark']")
    dark = page.evaluate(f"[{ground}, {ink}]")
    assert dark != light
    page.select_option("#theme", "light")
    assert page.evaluate(f"[{ground}, {ink}]") == light
    page.emulate_media(color_scheme="light")
    page.select_option("#theme", "dark")
    assert page.evaluate(f"[{ground}, {ink}]") == dark


def test_it_turns_to_a_phones_width(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for _ in range(PATIENCE_MS // 100):
        if page.evaluate("document.querySelector('#curves .main-svg').clientWidth") <= 390:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("document.querySelector('#curves .main-svg').clientWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_list_renews_itself_while_a_sweep_runs(browser: Any, sweep: SweepBuilder) -> None:
    sweep.driver()
    ledger = sweep.write().ledger
    with PageServer(sweep.root, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            page = browser.new_page()
            page.goto(server.url)
            assert "0 of 0 started" in page.inner_text("#sweeps tbody")
            sweep.trial({LR: 0.003}, final=4.0)
            ledger.write_text("".join(json.dumps(event) + "\n" for event in sweep.events))
            page.wait_for_selector("#sweeps tbody :text('1 of 1 started')", timeout=PATIENCE_MS)
        finally:
            server.shutdown()
            thread.join()
