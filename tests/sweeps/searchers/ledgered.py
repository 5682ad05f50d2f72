"""A sweep without training or Ray: a searcher suggests, the ledger's own events say what became of it."""

from dataclasses import dataclass, field

from sweeps.runner.searchers.registry import build_searcher
from sweeps.runner.searchers.searcher import Searcher, Slot
from sweeps.runner.settings import ExploreSection, SearcherSection, Settings, SweepSection
from trainable.spec.ledger import SweepState, apply, replay
from trainable.spec.status import Status

TIME = "2026-01-01T00:00:00+00:00"


def settings(searcher, *, seed=0, samples=1, startup=4, metric=("eval/loss",)):
    return Settings(
        sweep=SweepSection(metric=list(metric)),
        explore=ExploreSection(seed=seed, samples=samples),
        searcher=SearcherSection(name=searcher, startup_trials=startup),
    )


@dataclass
class Ledgered:
    """Carries out what a driver does with a searcher, and writes it down."""

    searcher: Searcher
    events: list = field(default_factory=list)
    state: SweepState = field(default_factory=SweepState)

    def __post_init__(self):
        self.searcher.resume({}, {}, {})

    def write(self, event, **fields):
        self.events.append({"event": event, "time": TIME, **fields})
        apply(self.state, self.events[-1])

    def sample(self, slot, values=None):
        """With `values`, a slot that says everything itself, like the baseline's."""
        slot = slot if values is None else Slot(tuple(sorted(values.items())), slot.draw)
        values = self.searcher.suggest(slot) if values is None else values
        trial = f"t{len(self.state.samples):03d}"
        self.write("sampled", slot=slot.id, trial=trial, values=values)
        self.searcher.started(slot, trial)
        return trial

    def start(self, trial, attempt=1):
        values = self.state.sampled_values[trial]
        about = {"stage": "explore", "cell": trial, "seed": 0, "overrides": [], "run_id": trial}
        self.write("trial_started", trial=trial, attempt=attempt, values=values, **about)

    def report(self, trial, step, *values, metrics=("eval/loss",)):
        found = dict(zip(metrics, values, strict=True))
        self.write("evaluated", trial=trial, attempt=1, step=step, metrics=found)
        self.searcher.reported(trial, step, found)

    def end(self, trial, status, step=10):
        self.write("trial_ended", trial=trial, attempt=1, status=str(status), stop_reason=None, step=step, error=None)
        if status not in (Status.PAUSED, Status.INTERRUPTED):
            self.searcher.ended(self.state.trials[trial])

    def run(self, slot, outcome, values=None):
        """One trial from start to end: `outcome` maps values to a loss and a status."""
        trial = self.sample(slot, values)
        self.start(trial)
        loss, status = outcome(self.state.sampled_values[trial])
        self.report(trial, 10, loss)
        self.end(trial, status)
        return self.state.sampled_values[trial]

    def restarted(self, space, setup, journal=None, warm_start=()):
        """A searcher as a new driver builds it from the file alone."""
        started = {"event": "driver_started", "time": TIME, "host": "h", "pid": 1, "command": "", "commit": ""}
        state = replay([*self.events, started])
        fresh = build_searcher(space, setup, journal, warm_start)
        fresh.resume(state.samples, state.trials, state.sampled_values)
        return fresh
