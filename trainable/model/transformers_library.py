"""The transformers library (extra dependency `adapters`): imported when needed, quiet, and asked for what is here before the network."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainable.spec.config import ModelConfig
from trainable.spec.mistakes import WrongRequest

NOT_GIVEN = "model.pretrained is not given: model=pretrained needs a Hugging Face name or a local folder"

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def missing_package() -> list[str]:
    if find_spec("transformers") is not None:
        return []
    return ["model.pretrained needs the package 'transformers' (pip install 'transformer-sweeps[adapters]')"]


def transformers_library() -> Any:
    """Raises `WrongRequest` when it is not installed."""
    if found := missing_package():
        raise WrongRequest(found)
    import transformers

    return transformers


def place(config: ModelConfig) -> str:
    """The folder or hub name of the pretrained model. Raises `WrongRequest` when none is given."""
    if config.pretrained is None:
        raise WrongRequest([NOT_GIVEN])
    folder = Path(config.pretrained).expanduser()
    return str(folder) if folder.is_dir() else config.pretrained


def local_first(place: str, load: Callable[[str, bool], Any]) -> Any:
    """``load(place, local_files_only)`` from the folder or the hub's cache, so that what is here needs no network; else from the hub.

    Raises `WrongRequest` with one sentence for everything that keeps it from loading.
    """
    try:
        return load(place, True)
    except Exception as error:  # the libraries' errors have no common base class
        if Path(place).is_dir():
            raise WrongRequest([f"model.pretrained={place}: {first_line(error)}"]) from error
    if not _HUB_NAME.fullmatch(place):
        raise WrongRequest([f"model.pretrained={place}: no such folder{_near(place)}"])
    try:
        _require_on_hub(place)
        return load(place, False)
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise WrongRequest(
            [
                f"model.pretrained={place}: no such folder{_near(place)}, and not to be had from the Hugging Face hub ({reason});"
                " check the name and the network"
            ]
        ) from error


def weights_folder(place: str, local_files_only: bool) -> str:
    """The folder itself, or the hub's snapshot in the cache with everything that loading needs.

    Loading by the hub's name would ask the network about adapters, for half a minute where there is none.
    """
    if Path(place).is_dir():
        return place
    from huggingface_hub import snapshot_download

    wanted, doubled = ["*.json", "*.safetensors"], ["*/*", "consolidated*"]
    return str(snapshot_download(place, allow_patterns=wanted, ignore_patterns=doubled, local_files_only=local_files_only))


@contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars, which would tear the lines of a sweep's own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _require_on_hub(name: str) -> None:
    """Asks once, because without a network the library's own loading retries for half a minute."""
    from huggingface_hub import HfApi

    HfApi().model_info(name, timeout=10)


def _near(place: str) -> str:
    parent = Path(place).expanduser().parent
    beside = [entry.name for entry in parent.iterdir() if entry.is_dir()] if parent.is_dir() else []
    near = get_close_matches(Path(place).name, beside, n=1)
    return f" (did you mean '{parent / near[0]}'?)" if near else ""
