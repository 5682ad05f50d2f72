"""The schedulers by name: a new one is a file and a line here."""

from collections.abc import Callable

from sweeps.runner.schedulers.asha import Asha
from sweeps.runner.schedulers.fifo import Fifo
from sweeps.runner.schedulers.hyperband import Hyperband
from sweeps.runner.schedulers.median import MedianStopping
from sweeps.runner.schedulers.pbt import PopulationBased
from sweeps.runner.schedulers.rule import Rule

SCHEDULERS: dict[str, Callable[[], Rule]] = {
    "asha": Asha,
    "hyperband": Hyperband,
    "median": MedianStopping,
    "pbt": PopulationBased,
    "fifo": Fifo,
}
