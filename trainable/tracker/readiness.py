"""Whether the trackers that a run asks for could start: their packages, credentials and servers, asked before anything is prepared."""

import os
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from trainable.spec.config import TrackingConfig

_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}
_CREDENTIALS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


def tracker_mistakes(tracking: TrackingConfig) -> list[str]:
    """A sentence for each tracker that cannot start here, with what to do about it."""
    return [*_missing_packages(tracking), *_wandb_mistakes(tracking.wandb), *_mlflow_mistakes(tracking.mlflow)]


def _missing_packages(tracking: TrackingConfig) -> Iterator[str]:
    asked = {"tensorboard": tracking.tensorboard, "mlflow": tracking.mlflow != "off"}
    for package, is_asked in asked.items():
        if is_asked and find_spec(package) is None:
            yield f"tracking.{package} needs the package '{package}' (pip install 'transformer-sweeps[{package}]')"


def _wandb_mistakes(mode: str) -> Iterator[str]:
    """What `wandb login` writes is its business: only where there is nothing at all can it be told."""
    home = Path("~").expanduser()
    kept = (os.environ.get("NETRC"), home / ".netrc", home / "_netrc")
    if mode == "online" and not any(map(os.environ.get, _CREDENTIALS)) and not any(path and Path(path).is_file() for path in kept):
        yield "tracking.wandb=online needs an account: run wandb login, or set WANDB_API_KEY; tracking.wandb=offline needs none"


def _mlflow_mistakes(store: str) -> Iterator[str]:
    """Of a server; MLflow itself would try for minutes."""
    parts = urlsplit(store)
    if parts.scheme not in _PORTS or not parts.hostname:
        return
    try:
        socket.create_connection((parts.hostname, parts.port or _PORTS[parts.scheme]), timeout=_SECONDS).close()
    except (OSError, ValueError) as error:
        yield f"tracking.mlflow={store}: no server answers there ({getattr(error, 'strerror', None) or error}); files needs none"
