"""A small sweep on the lab's cluster, seen from outside through the folder that all hosts share."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster.launched import LaunchedCluster
from trainable.spec.run_dir import RunDir

_SHARED = "/mnt/shared"
_OVERRIDES = (
    "model=micro",
    "data=text",
    f"data.path={_SHARED}/corpus.txt",
    f"data.root={_SHARED}/data",
    "data.vocab_size=300",
    "data.val_fraction=0.2",
    "data.test_fraction=0.2",
    "explore.enabled=false",
    "sweep.seeds=[1,2]",
    "schedule.warmup_steps=0",
    "training.max_steps=600",
    "training.batch_size=4",
    "training.eval_interval=40",
    "training.eval_batches=2",
    "training.test_batches=2",
    "tracking.wandb=off",
    "tracking.plots=false",
)
Found = TypeVar("Found")


class WatchedSweep:
    """``python -m sweeps.lr_ablation`` on the cluster with its results in a folder of the shared ones."""

    def __init__(self, cluster: LaunchedCluster, name: str) -> None:
        self.cluster, self.name = cluster, name
        self.results = cluster.lab.shared / name
        storage = f"--storage {_SHARED}/{name}"
        self.command = " ".join(["python -m sweeps.lr_ablation --address auto", storage, *_OVERRIDES])
        corpus = cluster.lab.shared / "corpus.txt"
        if not corpus.exists():
            corpus.write_text(" ".join(f"word{i % 97} and {i * 7 % 31} then {i % 13}.{'' if i % 9 else chr(10) * 2}" for i in range(6000)))

    @property
    def hash(self) -> str:
        """What the sweep's directory ends with."""
        return next(self.results.glob("sweeps/*")).name.rpartition("-")[2]

    def run(self, *, check: bool = True) -> str:
        """In the foreground, from the laptop."""
        return self.cluster.on_head(self.command, check=check)

    def start(self) -> None:
        """Detached on the head: it goes on when the laptop is gone."""
        log = f"{_SHARED}/{self.name}.log"
        self.cluster.on_head(f"(setsid nohup {self.command} >> {log} 2>&1 < /dev/null &) && sleep 1")

    def kill(self) -> None:
        """Ends the driver as a crash does."""
        self.cluster.lab.run("head", f"pkill -KILL -f -- '[-]-storage {_SHARED}/{self.name} '")

    @property
    def log(self) -> str:
        path = self.cluster.lab.shared / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self, kind: str | None = None, trial: str | None = None) -> list[dict[str, Any]]:
        found = list(self.results.glob("sweeps/*/ledger.jsonl"))
        lines = found[0].read_text().splitlines(keepends=True) if found else []
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [e for e in events if kind in (None, e["event"]) and trial in (None, e.get("trial"))]

    def summaries(self) -> Iterator[tuple[RunDir, dict[str, Any]]]:
        for path in self.results.glob("runs/*/summary.json"):
            try:
                yield RunDir(path.parent), json.loads(path.read_text())
            except (OSError, ValueError):
                continue

    def await_trial_on(self, host: str, patience_seconds: float = 120) -> str:
        """The name of a trial that is in its middle there."""
        return self.wait(f"a trial in its middle on {host}", lambda: self._middle(host), patience_seconds)

    def await_moved(self, trial: str, attempt: int, patience_seconds: float = 120) -> None:
        """Until a later attempt of the trial has evaluated."""
        evaluated = lambda: any(e["attempt"] > attempt for e in self.events("evaluated", trial))  # noqa: E731
        self.wait(f"{trial} going on elsewhere", evaluated, patience_seconds)

    def await_end(self, patience_seconds: float = 240) -> None:
        self.wait("the end", lambda: "read /mnt/shared" in self.log or "nothing is missing" in self.log, patience_seconds)

    def attempt(self, trial: str) -> int:
        return max(int(e["attempt"]) for e in self.events("trial_started", trial))

    def wait(self, what: str, look: Callable[[], Found], patience_seconds: float) -> Found:
        deadline = time.monotonic() + patience_seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.1)
        raise RuntimeError(f"{self.name}: waited in vain for {what}; {self.cluster.nodes()}\n{self.log[-3000:]}")

    def _middle(self, host: str) -> str | None:
        ended = {e["trial"] for e in self.events("trial_ended")}
        running = (s for _, s in self.summaries() if s["host"] == host and s["status"] == "running" and s["step"] >= 80)
        return next((str(s["trial"]) for s in running if s["trial"] not in ended), None)


def checkpoints_of(sweep: WatchedSweep, trial: str) -> list[Path]:
    (run_dir,) = (run for run, summary in sweep.summaries() if summary["trial"] == trial)
    return sorted(run_dir.checkpoints.glob("checkpoint-*"))
