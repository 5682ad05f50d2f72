"""What a run measures once, when it is complete: test set, another distribution, the data set's own questions, gates, and bounds."""

from pathlib import Path

from trainable.bounds.of_run import measure_at_the_end
from trainable.data.prepared import open_directory
from trainable.device import MemoryMeter
from trainable.downstream import Downstream
from trainable.gate_metrics import gate_metrics
from trainable.learner import Learner
from trainable.spec.run_dir import RunDir
from trainable.step_metrics import Metrics


class FinalMeasures:
    """Raises `WrongRequest` when questions do not fit the context. Nothing here changes the learner."""

    def __init__(self, learner: Learner, run_dir: RunDir, memory: MemoryMeter) -> None:
        self._learner, self._run_dir, self._memory = learner, run_dir, memory
        self._downstream = Downstream(learner, learner.config.training.test_batches)

    def metrics(self) -> Metrics:
        """By their names; those that were not asked for are left out. The same again for a run that was killed in between."""
        return {**self._tests(), **self._downstream.metrics(), **gate_metrics(self._learner.model), **self._bounds()}

    def _tests(self) -> Metrics:
        learner, batches = self._learner, self._learner.config.training.test_batches
        if not batches:
            return {}
        result = learner.score(learner.data.test, batches)
        found: Metrics = {"test/loss": result.loss, "test/perplexity": result.perplexity}
        if learner.config.data.ood_path:
            other = learner.score(open_directory(Path(learner.config.data.ood_path)).test, batches)
            found["test/ood_perplexity"] = other.perplexity
        return found

    def _bounds(self) -> Metrics:
        if not self._learner.config.bounds.enabled:
            return {}
        with self._memory.aside():
            return {**measure_at_the_end(self._learner, self._run_dir)}
