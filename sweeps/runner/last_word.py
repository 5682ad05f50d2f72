"""What a notification says of a sweep that has ended, from what lies on disk."""

import socket
from typing import Any

from analysis.report.conclusion import look
from trainable.spec.ledger import read_events, replay
from trainable.spec.mistakes import EXIT_DONE, EXIT_INTERRUPTED
from trainable.spec.sweep_dir import SweepDir


def last_word(name: str, directory: SweepDir, exit_code: int) -> dict[str, Any]:
    """Plain values: name, status, message, host, directory, verdicts, and all of it as a sentence in `text`."""
    status, message = _ending(directory, exit_code)
    verdicts = _verdicts(directory) if exit_code == EXIT_DONE else []
    judged = "; ".join(f"{verdict['outcome']}: {verdict['claim']}" for verdict in verdicts)
    host = socket.gethostname()
    text = f"{name} on {host}: {status.replace('_', ' ')}" + "".join(f". {part}" for part in (message, judged) if part)
    named = {"name": name, "status": status, "message": message, "host": host, "directory": str(directory.path.resolve())}
    return {**named, "exit_code": exit_code, "verdicts": verdicts, "text": text}


def _ending(directory: SweepDir, exit_code: int) -> tuple[str, str | None]:
    """As the driver wrote it down, or as its exit code says where it could not."""
    otherwise = {EXIT_DONE: "finished", EXIT_INTERRUPTED: "interrupted"}.get(exit_code, "failed")
    try:
        state = replay(read_events(directory.ledger)[0])
    except (OSError, ValueError):
        return otherwise, None
    if not state.has_ended or (exit_code != EXIT_DONE and state.endings[-1]["status"] in ("finished", "out_of_budget")):
        return otherwise, None
    return state.endings[-1]["status"], state.endings[-1].get("message")


def _verdicts(directory: SweepDir) -> list[dict[str, str]]:
    try:
        found = look(directory).verdicts
    except (OSError, ValueError, KeyError):
        return []
    return [{"outcome": verdict.outcome, "claim": verdict.claim, "reason": verdict.reason} for verdict in found]
