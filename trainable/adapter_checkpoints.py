"""An adapter by itself, for peft: ``adapters/epoch_<n>`` when the n-th pass over the training tokens (from 0) is done, and ``final``."""

from trainable.adapters.registry import ADAPTERS
from trainable.data.batches import epoch_of
from trainable.learner import Learner
from trainable.spec.run_dir import RunDir
from trainable.whole_folder import whole_folder


class AdapterCheckpoints:
    """Writes nothing for an adapter that is not apart from its model, nor on ranks other than the first."""

    def __init__(self, learner: Learner, run_dir: RunDir) -> None:
        self._learner = learner
        self._folder = run_dir.path / "adapters"
        self._save = ADAPTERS[learner.config.adapter.name].save

    def after_step(self, step: int) -> None:
        done = self._epochs(step)
        if done > self._epochs(step - 1):
            self._write(f"epoch_{done - 1}")

    def at_end(self) -> None:
        self._write("final")

    def _write(self, name: str) -> None:
        if self._save is None:
            return
        trained = self._learner.model_state()  # of all ranks together
        if self._learner.world.is_main:
            with whole_folder(self._folder / name) as folder:
                self._save(self._learner.model, trained, folder)

    def _epochs(self, step: int) -> int:
        """Whole passes over the training tokens after `step`."""
        training, context_length = self._learner.config.training, self._learner.config.model.context_length
        return epoch_of(step, batch_size=training.batch_size, context_length=context_length, tokens=len(self._learner.data.train))
