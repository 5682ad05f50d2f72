"""Learning curves that were trained for real, once, and are looked up ever after: a search can then be repeated in seconds."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainable.data.prepare import prepare
from trainable.request import request_run
from trainable.spec.atomic_write import write_json
from trainable.spec.overrides import overrides_of

Curve = list[float | None]
_WRITE_EVERY = 20  # curves


class RecordedCurves:
    """Validation losses of full runs with the overrides `base`, one for each evaluation; None from where a run diverged.

    A curve that `path` does not hold yet is trained when it is asked for, and kept there.
    """

    def __init__(self, base: Sequence[str], path: Path) -> None:
        self.base, self.path = list(base), path
        kept = json.loads(path.read_text()) if path.exists() else {}
        self._curves: dict[str, Curve] = kept["curves"] if kept.get("base") == self.base else {}
        self._unwritten = 0

    @property
    def interval(self) -> int:
        """Steps from one evaluation to the next."""
        return self._stated("training.eval_interval")

    @property
    def evaluations(self) -> int:
        """How many a full run has."""
        return self._stated("training.max_steps") // self.interval

    def _stated(self, key: str) -> int:
        return int(next(value for name, _, value in (text.partition("=") for text in self.base) if name == key))

    def of(self, values: Mapping[str, Any], seed: int) -> Curve:
        """The curve of a configuration's full run with `seed`."""
        overrides = [*overrides_of(sorted(values.items())), f"training.seed={seed}"]
        key = " ".join(overrides)
        if key not in self._curves:
            self._curves[key] = _train([*self.base, *overrides])
            self._unwritten += 1
            if self._unwritten >= _WRITE_EVERY:
                self.write()
        return self._curves[key]

    def write(self) -> None:
        if self._unwritten:
            write_json(self.path, {"base": self.base, "curves": self._curves})
        self._unwritten = 0


def _train(overrides: Sequence[str]) -> Curve:
    from trainable.learner import Learner

    config = request_run(overrides)
    prepare(config.data, report=lambda _: None)
    training, learner, curve = config.training, Learner(config), Curve()
    for step in range(1, training.max_steps + 1):
        numbers = learner.take_step(step, measure_update=False)
        if step % training.eval_interval == 0:
            loss = learner.score(learner.data.val, training.eval_batches).loss if numbers.finite else math.nan
            curve.append(loss if math.isfinite(loss) and None not in curve else None)
    return curve
