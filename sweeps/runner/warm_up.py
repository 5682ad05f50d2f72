"""What Ray Tune is going to import is imported while Ray starts, which the driver only waits for."""

import threading
from contextlib import suppress
from importlib import import_module

# As soon as Tune is given a callback it imports the logger of every service that it knows. Nothing of Ray's own stands here:
# the main thread imports that meanwhile.
_LOGGERS = ("wandb", "mlflow")


def warm_up() -> threading.Thread:
    """Returns at once."""
    thread = threading.Thread(target=_import_all, name="warm-up", daemon=True)
    thread.start()
    return thread


def _import_all() -> None:
    """What is not installed is not missed."""
    for name in _LOGGERS:
        with suppress(Exception):
            import_module(name)
