"""Damage to files between two runs: what a bad disk or a power cut leaves."""

from pathlib import Path
from random import Random

from trainable.spec.ledger import read_events, replay
from trainable.spec.status import Status

_UNFINISHED = (Status.RUNNING, Status.INTERRUPTED, Status.FAILED)


def flip_bit(results: Path, random: Random) -> str | None:
    """Flips one bit of a file of the newest checkpoint; what was done, None when there is no checkpoint."""
    path = _file_of_newest_checkpoint(results, random)
    if path is None:
        return None
    content = bytearray(path.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    _write_in_place(path, bytes(content))
    return f"a bit of byte {place} of {path.relative_to(results)}"


def truncate(results: Path, random: Random) -> str | None:
    """Cuts a file of the newest checkpoint."""
    path = _file_of_newest_checkpoint(results, random)
    if path is None:
        return None
    size = path.stat().st_size
    kept = random.randrange(size)
    with open(path, "rb+") as file:
        file.truncate(kept)
    return f"{path.relative_to(results)} cut to {kept} of {size} bytes"


def tear_ledger(results: Path, random: Random) -> str | None:
    """Cuts the last line of the ledger somewhere."""
    for path in results.glob("sweeps/*/ledger.jsonl"):
        content = path.read_bytes()
        last = content.rstrip(b"\n").rfind(b"\n") + 1
        if last and len(content) - last > 1:
            kept = random.randrange(last + 1, len(content))
            with open(path, "rb+") as file:
                file.truncate(kept)
            return f"ledger line torn: {content[last : last + 60].decode()}... cut after {kept - last} of {len(content) - last} bytes"
    return None


def tear_rows(results: Path, random: Random) -> str | None:
    """Cuts the newest ``metrics.csv`` of a run that has not ended, somewhere in its last lines."""
    found = (path for run in _unfinished(results) for path in run.glob("logs/metrics.csv"))
    tables = sorted(found, key=lambda path: path.stat().st_mtime)
    if not tables or not (size := tables[-1].stat().st_size):
        return None
    kept = random.randrange(max(0, size - 600), size)
    with open(tables[-1], "rb+") as file:
        file.truncate(kept)
    return f"{tables[-1].relative_to(results)} cut to {kept} of {size} bytes"


DAMAGES = {"bit_flip": flip_bit, "truncation": truncate, "torn_ledger": tear_ledger, "torn_rows": tear_rows}


def _unfinished(results: Path) -> list[Path]:
    """Runs that will be continued: nobody can mend what has ended."""
    states = [replay(read_events(path)[0]) for path in results.glob("sweeps/*/ledger.jsonl")]
    records = [record for state in states for record in state.trials.values() if record.status in _UNFINISHED]
    return [results / "runs" / record.run_id for record in records]


def _file_of_newest_checkpoint(results: Path, random: Random) -> Path | None:
    folders = [path for run in _unfinished(results) for path in run.glob("checkpoints/checkpoint-*") if path.is_dir()]
    newest = max(folders, key=lambda path: path.stat().st_mtime, default=None)
    files = sorted(path for path in newest.iterdir() if path.stat().st_size) if newest else []
    return random.choice(files) if files else None


def _write_in_place(path: Path, content: bytes) -> None:
    """Without a new inode: what is linked to the same file is damaged as well."""
    with open(path, "rb+") as file:
        file.write(content)
