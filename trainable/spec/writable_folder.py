"""Whether the results folder can be written, found out before anything starts."""

import tempfile
from contextlib import suppress
from pathlib import Path


def writable_mistakes(results_dir: str, option: str = "experiment.results_dir=") -> list[str]:
    """A folder given by `option` that cannot be written, found out by writing; nothing of it stays."""
    folder = Path(results_dir).expanduser().absolute()
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [f"{option}{results_dir} cannot be written: {error.strerror}"]
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
    return []
