"""What the files of Weights & Biases hold, read back record by record, and what must never leave the machine or enter them."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainable.tracker.wandb_records import recorded
from trainable.spec.config import RunConfig
from trainable.spec.mistakes import WrongRequest
from trainable.tracker.registry import start_trackers
from trainable.tracker.tracker import RunDescription

Described = Callable[..., tuple[RunConfig, RunDescription]]


def test_the_record_of_a_run(described: Described, capfd: pytest.CaptureFixture[str]) -> None:
    config, run = described(
        "tracking.wandb=offline", "tracking.plots=true", "experiment.paper=paper1", "tracking.tags=[night]", "tracking.notes=with care"
    )
    trackers = start_trackers(config, run)
    trackers.log({"train/loss": 0.1 + 0.2, "eval/loss": None, "epoch": 0}, 10)
    trackers.log({"train/loss": 2.0, "eval/loss": 2.5}, 20)
    (run.run_dir / "summary.json").write_text("{}")
    trackers.log_summary({"tokens": 4096, "best_step": None, "best_metrics": {"eval/loss": 2.5}})
    trackers.log_artifact(run.run_dir / "summary.json")
    trackers.finish("completed")

    found = recorded(run.run_dir)
    assert found["rows"] == {10: {"train/loss": 0.30000000000000004, "epoch": 0}, 20: {"train/loss": 2.0, "eval/loss": 2.5}}
    assert found["run"].display_name == run.experiment_id
    assert (found["run"].project, found["run"].run_group) == ("efficient-optimization-research", "paper1-baseline-adam")
    assert found["run"].notes == "with care"
    assert found["tags"] == [
        "phase:baseline", "model:tiny", "optimizer:adamw", "dataset:stdlib", "paper:paper1", "night", "status:completed",
    ]  # fmt: skip
    assert found["summary"]["tokens"] == 4096
    assert "best_step" not in found["summary"]
    assert found["exit_code"] == 0
    files = run.run_dir.glob("wandb/offline-run-*/files/**/*")
    assert {path.name for path in files if path.is_file()} == {"summary.json", "loss_curve.png"}
    assert "summary.json" in found["files"]
    assert capfd.readouterr() == ("", "")
    assert "[WARNING]" not in (run.run_dir / "logs/train.log").read_text()


def test_runs_of_one_process_do_not_see_each_other(described: Described) -> None:
    first, second = (described("tracking.wandb=offline", f"optimizer.lr={lr}", name=f"run-{lr}") for lr in (1e-3, 2e-3))
    trackers = [start_trackers(*first), start_trackers(*second)]
    for i, each in enumerate(trackers):
        each.log({"train/loss": float(i)}, 1)
    trackers[0].finish("failed")
    trackers[1].log({"train/loss": 5.0}, 2)
    trackers[1].finish("diverged")
    import wandb

    assert wandb.run is None
    found = [recorded(run.run_dir) for _, run in (first, second)]
    assert [f["rows"] for f in found] == [{1: {"train/loss": 0.0}}, {1: {"train/loss": 1.0}, 2: {"train/loss": 5.0}}]
    assert [f["exit_code"] for f in found] == [1, 0]
    assert [f["tags"][-1] for f in found] == ["status:failed", "status:diverged"]
    assert found[0]["run"].run_id != found[1]["run"].run_id


def test_a_resumed_run_keeps_its_id_and_a_new_attempt_does_not(described: Described) -> None:
    config, run = described("tracking.wandb=offline")
    ids = []
    for resume_step in (None, 20, None):
        trackers = start_trackers(config, run, resume_step)
        trackers.log({"train/loss": 1.0}, (resume_step or 0) + 10)
        trackers.finish("interrupted")
        ids.append((run.run_dir / "wandb/run_id.txt").read_text())
        assert recorded(run.run_dir)["exit_code"] == 1
    assert ids[0] == ids[1] != ids[2]
    written = {path.stem.removeprefix("run-") for path in run.run_dir.glob("wandb/offline-run-*/*.wandb")}
    assert written == {run_id.strip() for run_id in ids}


SCRIPT = """
import sys
from pathlib import Path
from trainable.spec.compose import compose_run
from trainable.tracker.registry import describe_run, start_trackers
config = compose_run(["tracking.plots=false"])
run = describe_run(config, Path(sys.argv[1]))
trackers = start_trackers(config, run)
trackers.log({"train/loss": 1.0}, 1)
trackers.finish("completed")
"""


def test_offline_nothing_is_sent_printed_or_given_away(tmp_path: Path) -> None:
    """In a process of its own, behind a proxy that counts, with secrets in its environment and no home to write to."""
    visits: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_count_visits, args=(server, visits), daemon=True).start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        secret, key = "hunter2-do-not-tell", "0123456789" * 4
        proxies = {name: proxy for upper in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (upper, upper.lower())}
        kept = {name: value for name, value in os.environ.items() if name.upper() != "NO_PROXY" and not name.startswith("WANDB_")}
        environment = {**kept, **proxies, "HF_TOKEN": secret, "WANDB_API_KEY": key, "HOME": "/proc/no-home", "TMPDIR": str(tmp_path)}
        environment |= {"PYTHONPATH": str(Path(__file__).parents[3]), "MPLCONFIGDIR": str(tmp_path)}
        done = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path / "run")], capture_output=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert visits == []
    assert recorded(tmp_path / "run")["rows"] == {1: {"train/loss": 1.0}}
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret.encode() not in content
            assert key.encode() not in content


def _count_visits(server: socket.socket, visits: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            visits.append(connection.recv(100))


def test_online_without_an_account_is_refused_at_once(described: Described, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "NETRC", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(WrongRequest, match="tracker wandb cannot start: No API key configured"):
        start_trackers(*described("tracking.wandb=online"))


def test_a_tag_that_is_too_long_for_wandb_is_refused(described: Described) -> None:
    with pytest.raises(WrongRequest, match="tracker wandb cannot start"):
        start_trackers(*described("tracking.wandb=offline", f"tracking.tags=[{'x' * 65}]"))
