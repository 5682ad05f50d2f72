"""A run's ``.wandb`` files, read back record by record."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK_BYTES, HEADER_BYTES = 32768, 7


def records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: LevelDB's log format, 32 KiB blocks of (checksum, length, type) and data, each a protobuf."""
    from wandb.proto import wandb_internal_pb2

    content, position, data = path.read_bytes(), HEADER_BYTES, b""
    assert content[:4] in (b":W&B", b"")
    while position + HEADER_BYTES <= len(content):
        left = BLOCK_BYTES - position % BLOCK_BYTES
        if left < HEADER_BYTES:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", content[position : position + HEADER_BYTES])
        if position + HEADER_BYTES + length > len(content):
            return  # still being written
        data += content[position + HEADER_BYTES : position + HEADER_BYTES + length]
        position += HEADER_BYTES + length
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            data = b""
            yield record


def recorded(run_dir: Path) -> dict[str, Any]:
    """The one wandb run that a directory holds, as last recorded; wandb's service writes the end a moment after `finish`."""
    deadline = time.monotonic() + 10
    while (found := _read(run_dir))["exits"] < len(list(run_dir.glob("wandb/offline-run-*"))) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _read(run_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"rows": {}, "summary": {}, "exit_code": None, "files": [], "exits": 0}
    for path in sorted(run_dir.glob("wandb/offline-run-*/*.wandb")):
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                found |= {"run": record.run, "tags": list(record.run.tags)}
            elif kind == "history":
                values = {(i.nested_key or [i.key])[0]: json.loads(i.value_json) for i in record.history.item}
                found["rows"][record.history.step.num] = {k: v for k, v in values.items() if not k.startswith("_")}
            elif kind == "summary":
                found["summary"] |= {(i.nested_key or [i.key])[0]: json.loads(i.value_json) for i in record.summary.update}
            elif kind == "files":
                found["files"] += [item.path for item in record.files.files]
            elif kind == "exit":
                found |= {"exit_code": record.exit.exit_code, "exits": found["exits"] + 1}
    return found
