"""``python -m analysis serve``: what is answered, and what never is."""

import http.client
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from sweep_on_disk import LR, SweepBuilder, empty_sweep

from analysis.__main__ import main
from analysis.page.listing import Listing, sweeps_below
from analysis.page.routes import address, file_of
from analysis.page.server import PageServer
from trainable.spec.status import Status

TRIED = [
    "sweep.json",
    "trials.parquet",
    "ledger.jsonl",
    "../secret.txt",
    "figures/../sweep.json",
    "figures/..%2fsweep.json",
    "figures/%2e%2e/%2e%2e/secret.txt",
    "figures/.hidden.png",
    "figures/",
    "figures//etc/passwd",
    "figures/a.png%00.pdf",
    "figures/link.png",
    "linked/a.png",
    "report.html/../sweep.json",
    "tables/a.png",
    "REPORT.HTML",
    "",
]


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    """Two sweeps, one under way; a secret beside them, and links to it."""
    sweep = empty_sweep(tmp_path)
    sweep.driver()
    sweep.trial({LR: 0.003}, final=4.0)
    sweep.event("driver_ended", status="finished", message="")
    path = sweep.write().path
    shutil.copytree(path, path.with_name("other <b>"))
    sweep.events[-1]["time"] = "2026-03-01T13:00:00+00:00"
    sweep.event("driver_started", host="h", pid=2, command="c", commit=None)
    sweep.events[-1]["time"] = "2026-03-01T14:00:00+00:00"
    sweep.trial({LR: 0.01}, status=Status.RUNNING)
    sweep.write()
    (tmp_path / "sweeps" / "secret.txt").write_text("secret")
    (path / "figures").mkdir()
    (path / "figures" / "a.png").write_bytes(b"png")
    (path / "figures" / ".hidden.png").write_bytes(b"png")
    (path / "figures" / "link.png").symlink_to(tmp_path / "sweeps" / "secret.txt")
    (path / "linked").symlink_to(path / "figures")
    (path / "report.html").write_text("<!doctype html>page")
    return tmp_path


@pytest.fixture
def server(sweeps: Path) -> Iterator[PageServer]:
    with PageServer(sweeps, 0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: PageServer, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)  # type: ignore[misc]
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, dict(answer.getheaders())


def test_the_list_names_every_sweep_with_its_state(server: PageServer) -> None:
    status, text, headers = ask(server, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert text.index("lr_ablation-0badcafe") < text.index("other &lt;b&gt;")  # the last changed first
    assert "<b>" not in text
    assert text.count("<tr data-open>") == 1
    assert "running, or killed" in text
    assert "finished" in text
    assert "1 of 2 started" in text
    assert "2026-03-01 14:00:00" not in text.split("other")[1]


def test_reports_and_figures_are_served(server: PageServer) -> None:
    assert ask(server, "/sweep/sweeps/lr_ablation-0badcafe/report.html")[:2] == (200, "<!doctype html>page")
    status, content, headers = ask(server, "/sweep/sweeps/lr_ablation-0badcafe/figures/a.png?x=1")
    assert (status, content, headers["Content-Type"]) == (200, "png", "image/png")
    assert ask(server, "/sweep/sweeps/lr_ablation-0badcafe/report.html", "HEAD")[:2] == (200, "")
    status, text, _ = ask(server, address("sweeps/other <b>"))
    assert (status, text) == (404, "report.html is not written yet: python -m analysis report writes it\n")


@pytest.mark.parametrize("path", TRIED)
def test_nothing_else_is_reachable(sweeps: Path, path: str) -> None:
    directories = Listing(sweeps).directories()
    assert set(directories) == {"sweeps/lr_ablation-0badcafe", "sweeps/other <b>"}
    assert file_of(f"/sweep/sweeps/lr_ablation-0badcafe/{path}", directories) is None
    assert file_of(f"/sweep/sweeps/lr_ablation-0badcafe/figures/a.png{path}", directories) is None or path == ""


@pytest.mark.parametrize("path", ["/sweep/", "/sweep/sweeps", "/sweep/../secret.txt", "//etc/passwd", "/sweep/sweeps/secret.txt", "/x"])
def test_what_is_no_sweep_is_not_there(server: PageServer, path: str) -> None:
    assert ask(server, path)[0] == 404


def test_it_answers_only_to_this_machine_and_only_to_questions(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, "/", host="attacker.example:80")[0] == 403
    assert ask(server, "/", host=f"localhost:{server.server_address[1]}")[0] == 200
    assert ask(server, "/", method="POST")[0] == 501


def test_one_sweep_is_served_by_its_own_name(lived: SweepBuilder) -> None:
    path = lived.write().path
    assert Listing(path).directories() == {path.name: path}
    line = Listing(path).lines()[0]
    assert (line.name, line.ended, line.started, line.has_page) == ("lr_ablation", 13, 13, False)


def test_runs_and_hidden_folders_are_not_searched(lived: SweepBuilder) -> None:
    directory = lived.write()
    run = next(path for path in (lived.root / "runs").iterdir() if (path / "summary.json").exists())
    for place in (run / "deep", lived.root / ".hidden", directory.path / "inside"):
        place.mkdir()
        shutil.copy(directory.statement, place)
    assert list(sweeps_below(lived.root)) == [directory.path]


def test_wrong_requests(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    assert main(["serve", str(tmp_path / "result"), "--port", "70000"]) == 2
    told = capsys.readouterr().err
    assert "--port 70000: a port lies between 0 and 65535" in told
    assert "did you mean 'results'?" in told


def test_a_taken_port_is_said(server: PageServer, sweeps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(sweeps), "--port", str(server.server_address[1])]) == 1
    assert "--port 0 takes a free port" in capsys.readouterr().err
