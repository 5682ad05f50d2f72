"""What a data set asks of a trained model beside its loss: ``downstream/*``, measured when a run ends."""

from trainable.data.questions import questions
from trainable.exact_match import exact_match
from trainable.learner import Learner
from trainable.spec.mistakes import WrongRequest


class Downstream:
    """At most `batches` batches of the test split's questions. Raises `WrongRequest` when one does not fit the context."""

    def __init__(self, learner: Learner, batches: int) -> None:
        self._learner = learner
        self._rows = learner.config.training.batch_size
        self._questions = questions(learner.data, learner.config.data, batches * self._rows) if batches else None
        if self._questions is not None:
            self._require_room(self._questions.longest)

    def metrics(self) -> dict[str, float | None]:
        """By their names; none for a data set without questions."""
        if self._questions is None:
            return {}
        learner = self._learner
        share = exact_match(learner.model, self._questions, rows=self._rows, device=learner.device, autocast=learner.autocast)
        return {"downstream/exact_match": share}

    def _require_room(self, longest: int) -> None:
        context = self._learner.config.model.context_length
        if longest > context:
            raise WrongRequest([f"model.context_length={context}: a question of this data set and its answer take {longest} tokens"])
