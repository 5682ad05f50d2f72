"""Text to tokens, once: `python -m trainable.data.prepare data=text data.path=FILE`."""

import argparse
import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainable.data import checks
from trainable.data.build import Report, build
from trainable.data.corpus import corpus_sha256
from trainable.data.prepared import PreparedData, open_prepared, prepared_directory, verify
from trainable.data.registry import DATASETS
from trainable.spec.atomic_write import sync_directory
from trainable.spec.config import DataConfig
from trainable.spec.mistakes import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WRONG_REQUEST, WrongRequest, render


def silent(text: str) -> None: ...


def prepare(config: DataConfig, report: Report = silent) -> PreparedData:
    """Writes the data set below `<root>/processed/` unless it is there already, and opens it.

    Safe in several processes at once: one prepares, the others wait for it. `report` gets a line for each stage.
    Raises WrongRequest with all mistakes of the request, for a damaged folder, or for a text that has changed since.
    """
    if found := checks.mistakes(config):
        raise WrongRequest(found)
    directory = prepared_directory(config)
    if directory.exists():
        return _already_prepared(config, report)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(directory.with_name(f".{directory.name}.lock"), report):
        if directory.exists():
            return _already_prepared(config, report)
        _build_whole(config, directory, report)
    report(f"prepared {summary(open_prepared(config))}")
    return open_prepared(config)


def summary(data: PreparedData) -> str:
    splits = data.manifest["splits"]
    counts = ", ".join(f"{split} {facts['tokens']:,} tokens in {facts['documents']:,} documents" for split, facts in splits.items())
    return f"{data.directory}: {counts}; vocabulary {data.vocab_size:,}"


def _build_whole(config: DataConfig, directory: Path, report: Report) -> None:
    """In a folder beside, then one rename: the data set is there whole or not at all."""
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed; the lock says that it is nobody's
    partial.mkdir()
    try:
        build(config, partial, report)
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    sync_directory(directory.parent)


def _already_prepared(config: DataConfig, report: Report) -> PreparedData:
    data = open_prepared(config)
    if found := _changed_text(config, data):
        raise WrongRequest(found)
    report(f"already prepared {summary(data)}")
    return data


def _changed_text(config: DataConfig, data: PreparedData) -> list[str]:
    """One configuration must not mean two texts: runs on the old one could not be told from runs on the new one."""
    fingerprint = DATASETS[config.name].fingerprint(config)
    if not fingerprint or fingerprint == data.manifest["fingerprint"] or corpus_sha256(config) == data.manifest["corpus_sha256"]:
        return []
    return [
        f"data.path={config.path}: the text has changed since {data.directory} was prepared from it;"
        f" delete {data.directory} and prepare again, or give the new text another path"
    ]


@contextmanager
def _only_one(lock: Path, report: Report) -> Iterator[None]:
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another process that prepares the same data set")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(argv: list[str] | None = None) -> int:
    """The command; an already prepared data set is verified by its hashes. Returns the exit code."""
    from trainable.spec.compose import compose_run

    parser = argparse.ArgumentParser(prog="python -m trainable.data.prepare", description="Text to tokens, once.")
    parser.add_argument("overrides", nargs="*", help="data=choice and data.key=value")
    given = parser.parse_args(argv)
    try:
        config = compose_run(given.overrides).data
        data = prepare(config, lambda text: print(text, flush=True))
        if found := verify(data.directory):
            raise WrongRequest(found)
    except WrongRequest as request:
        print(render(request.mistakes), file=sys.stderr)
        return EXIT_WRONG_REQUEST
    except KeyboardInterrupt:
        print("interrupted: nothing was written; the same command starts anew", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        print(f"error: {error}; nothing was written; the same command starts anew", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
