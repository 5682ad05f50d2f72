"""Notifications: a real server and a real command are told; what they do, say or hold neither stops nor marks the sweep."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sweeps.runner import cli, drive
from sweeps.runner.last_word import last_word
from sweeps.runner.notify import Target, targets_of, tell, without_targets
from tests.analysis.sweep_on_disk import lived_sweep
from tests.faults.small_sweep import SWEEP
from tests.sweeps.test_view import EVENTS
from tests.sweeps.test_watch import LAST, sweep_on_disk
from trainable.spec.sweep_dir import SweepDir

MESSAGE = {"name": "lr", "status": "failed", "directory": "/r/lr", "text": "lr: failed", "verdicts": []}
SECRET = "T0KEN-do-not-keep"


class Server(ThreadingHTTPServer):
    """Keeps what is posted; /slow answers when it is let go, /refuse with 403."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.posted: list[tuple[str, str | None, Any]] = []
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        if self.path == "/slow":
            server.let_go.wait(30)
        self.send_response(403 if self.path.startswith("/refuse") else 204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.let_go.set()
        server.shutdown()
        thread.join()


def told(*targets: str, timeout: float = 5.0) -> list[str]:
    warnings: list[str] = []
    found, mistakes = targets_of([f"notify={target}" for target in targets])
    assert mistakes == []
    tell(found, MESSAGE, warnings.append, timeout)
    return warnings


def test_a_server_and_a_command_get_the_message(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"{server.url}/hook?token={SECRET}")
    command = f"cat > '{tmp_path}/stdin'; echo \"$SWEEP_NAME $SWEEP_STATUS $SWEEP_DIRECTORY $SWEEP_TEXT\" > '{tmp_path}/env'"
    assert told("webhook:$HOOK", f"command:{command}") == []
    assert server.posted == [(f"/hook?token={SECRET}", "application/json", MESSAGE)]
    assert json.loads((tmp_path / "stdin").read_text()) == MESSAGE
    assert (tmp_path / "env").read_text() == "lr failed /r/lr lr: failed\n"


def test_failures_are_told_without_the_address(server: Server) -> None:
    closed = Server()
    closed.server_close()
    targets = [f"webhook:{server.url}/refuse?{SECRET}", f"webhook:{closed.url}/{SECRET}", f"command:exit 3 # {SECRET}", "command:true <&-"]
    assert told(*targets) == [
        "notify=webhook: the server answered 403",
        "notify=webhook: failed (ConnectionRefusedError)",
        "notify=command: the command ended with exit code 3",
    ]


def test_what_does_not_answer_is_left_to_itself(server: Server, tmp_path: Path) -> None:
    """Both are still at work when `tell` returns, and the command comes to its end afterwards."""
    later = tmp_path / "later"
    waiting = f"command:while [ ! -e '{tmp_path}/go' ]; do sleep 0.05; done; touch '{later}'"
    assert told(f"webhook:{server.url}/slow", waiting, timeout=0.3) == [
        "notify=webhook: not done after 0.3 s, left to itself",
        "notify=command: not done after 0.3 s, left to itself",
    ]
    assert not later.exists()
    (tmp_path / "go").touch()
    deadline = time.monotonic() + 20
    while not later.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("word", "mistake"),
    [
        ("notify=mail:me", "notify=mail: must be command:COMMAND or webhook:URL"),
        ("notify=command:", "notify=command: must be command:COMMAND or webhook:URL"),
        (f"notify=webhook:ftp://{SECRET}", "notify=webhook: the URL must begin with http:// or https://"),
        ("notify=webhook:https://", "notify=webhook: the URL must begin"),
        ("notify=webhook:http://[", "notify=webhook: the URL must begin"),
        ("notify=webhook:$NOT_SET_ANYWHERE", "notify=webhook: the URL must begin"),
    ],
)
def test_wrong_targets(word: str, mistake: str) -> None:
    targets, (found,) = targets_of([word, "optimizer=adamw"])
    assert targets == []
    assert found.startswith(mistake)
    assert SECRET not in found


def test_targets_are_no_overrides_and_hide_themselves() -> None:
    words = ["a=1", f"notify=webhook:https://h/{SECRET}?a=b&c", "--fresh"]
    targets, mistakes = targets_of(words)
    assert (targets, mistakes) == ([Target("webhook", f"https://h/{SECRET}?a=b&c")], [])
    assert without_targets(words) == ["a=1", "--fresh"]
    assert SECRET not in repr(targets)


def test_the_last_word_of_a_sweep_that_ended(tmp_path: Path) -> None:
    directory = sweep_on_disk(tmp_path, [*EVENTS, {**LAST, "status": "out_of_budget", "message": "budget.trials=4 is used up"}])
    found = last_word("lr_ablation", directory, 0)
    assert (found["status"], found["message"]) == ("out_of_budget", "budget.trials=4 is used up")
    assert found["text"].startswith(f"lr_ablation on {found['host']}: out of budget. budget.trials=4 is used up")
    assert found["directory"] == str(directory.path)
    assert last_word("lr_ablation", directory, 1)["status"] == "failed"
    assert last_word("lr_ablation", directory, 130)["status"] == "interrupted"
    assert last_word("lr_ablation", SweepDir(tmp_path / "none"), 1)["status"] == "failed"


def test_the_verdicts_are_in_it(tmp_path: Path) -> None:
    verdicts = last_word("x", lived_sweep(tmp_path).write(), 0)["verdicts"]
    assert [verdict["claim"] for verdict in verdicts] == ["the winner beats the baseline"]
    assert verdicts[0]["outcome"] in ("CONFIRMED", "REFUTED", "UNDECIDED")


@pytest.mark.parametrize("ending", ["done", "bug"])
def test_the_command_line_tells_of_its_end(
    ending: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pretend(*_: Any) -> int:
        if ending == "bug":
            raise RuntimeError("a bug")
        return 0

    monkeypatch.setattr(cli, "drive", pretend)
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("word " * 2000)
    words = [f"data.path={corpus}", f"notify=webhook:{server.url}/{SECRET}?a=b", f"--storage={tmp_path / 'results'}"]
    monkeypatch.setattr("sys.argv", ["small_sweep", *words])
    with pytest.raises(SystemExit if ending == "done" else RuntimeError):
        cli.main(SWEEP)
    ((path, _, message),) = server.posted
    assert (path, message["name"]) == (f"/{SECRET}?a=b", "small_sweep")
    assert message["status"] == {"done": "finished", "bug": "failed"}[ending]
    assert SECRET not in drive._command()
    assert SECRET not in capsys.readouterr().out


def test_a_wrong_request_names_every_mistake_and_tells_nobody(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(SWEEP, ["notify=mail:x", f"notify=webhook:{server.url}/", "optimizer=adamx"])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert "notify=mail" in shown
    assert "adamx" in shown
    assert server.posted == []
