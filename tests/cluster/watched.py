"""A small sweep on the lab's cluster, seen from outside: with its runs in the folder that all hosts share, or at the S3 server."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from tests.cluster.boot import USER
from tests.cluster.launched import LaunchedCluster
from trainable.spec.run_dir import RunDir

_SHARED, _HOME = "/mnt/shared", f"/home/{USER}"
_OVERRIDES = (
    "model=micro",
    "data=text",
    f"data.path={_HOME}/corpus.txt",
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
        self.place, self.results = f"{_SHARED}/{name}", cluster.lab.shared / name
        self.command = self._command(f"--storage {self.place}", f"data.root={_SHARED}/data")
        for host in cluster.lab.hosts.values():
            (host.home / "corpus.txt").write_text(_corpus())

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
        self.cluster.lab.run("head", f"pkill -KILL -f -- '[=/]{self.place.lstrip('/')} '")

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
        self.wait("the end", lambda: f"read {self.place}" in self.log or "nothing is missing" in self.log, patience_seconds)

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
        running = (s for s in self._at_work(host) if s["host"] == host and s["status"] == "running" and s["step"] >= 80)
        return next((str(s["trial"]) for s in running if s["trial"] not in ended), None)

    def _at_work(self, host: str) -> Iterator[dict[str, Any]]:
        """Summaries of runs, as far as they can be seen, among them those at work on a host."""
        yield from (summary for _, summary in self.summaries())

    def _command(self, *places: str) -> str:
        return " ".join(["python -m sweeps.lr_ablation --address auto", *places, *_OVERRIDES])


class StoredSweep(WatchedSweep):
    """Its runs are kept at the S3 server, its results and data on each host's own disk: nothing lies in the shared folder."""

    def __init__(self, cluster: LaunchedCluster, name: str, url: str) -> None:
        super().__init__(cluster, name)
        self.place, self.results = f"{_HOME}/{name}", cluster.lab.hosts["head"].home / name
        self.command = self._command(f'--storage "{url}"', f"experiment.results_dir={self.place}", f"data.root={_HOME}/data")

    def _at_work(self, host: str) -> Iterator[dict[str, Any]]:
        for path in (self.cluster.lab.hosts[host].disk / "tmp").glob("transformer-sweeps-runs-*/*/*/summary.json"):
            with suppress(OSError, ValueError):
                yield json.loads(path.read_text())


def _corpus() -> str:
    return " ".join(f"word{i % 97} and {i * 7 % 31} then {i % 13}.{'' if i % 9 else chr(10) * 2}" for i in range(6000))
