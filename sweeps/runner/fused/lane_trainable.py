"""A trial of Ray Tune whose training is a lane of a host: it passes on, and imports no torch."""

import json
import signal
import sys
import threading
from typing import Any

import ray
from ray import tune


class LaneTrainable(tune.Trainable):
    """Configured as `TransformerTrainable` is; the assignment's ``lane`` names the host."""

    def setup(self, config: dict[str, Any]) -> None:
        self._waits = False
        self._take(config)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_notice)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.let_go()
        self._take(new_config)
        return True

    def step(self) -> dict[str, Any]:
        self._waits = True
        try:
            found: dict[str, Any] = ray.get(self.host.step.remote(self.run))
        finally:
            self._waits = False
        return found

    def get_auto_filled_metrics(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Nothing, as for a trial by itself."""
        return {}

    def let_go(self) -> None:
        identity = self.run["identity"]
        ray.get(self.host.let_go.remote(identity["trial"], identity["attempt"]))

    def cleanup(self) -> None:
        self.let_go()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: a trial's checkpoints are its own, in its run directory."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: a trial continues from its run directory."""

    def _take(self, config: dict[str, Any]) -> None:
        self.run = json.loads(config["run"])
        self.host = ray.get_actor(self.run["lane"]["host"])

    def _on_notice(self, number: int, frame: Any) -> None:
        """The host hears of it too: what it answers, when it has kept a checkpoint, is the trial's end here."""
        del frame
        if not self._waits:
            sys.exit(128 + number)
