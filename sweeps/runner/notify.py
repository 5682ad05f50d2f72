"""Word of a sweep's end or failure: ``notify=command:COMMAND`` or ``notify=webhook:URL`` on its command line, off without.

What is given may hold a secret, so it is in no file and no message of a sweep. Whatever becomes of a notification, the sweep's own
end stays as it is, and waits for it no longer than a few seconds.
"""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

PREFIX = "notify="
KINDS = ("command", "webhook")
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """`kind` is one of KINDS; `address` is not shown, also not by ``repr``."""

    kind: str
    address: str

    def __repr__(self) -> str:
        return f"Target({self.kind!r}, ...)"


def targets_of(words: Iterable[str]) -> tuple[list[Target], list[str]]:
    """The targets among the words of a command line, and a sentence for each that is none."""
    given = [word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX)]
    mistakes = [mistake for text in given if (mistake := _mistake(text))]
    return [Target(*text.split(":", 1)) for text in given if not _mistake(text)], mistakes


def without_targets(words: Iterable[str]) -> list[str]:
    return [word for word in words if not word.startswith(PREFIX)]


def tell(targets: Sequence[Target], message: Mapping[str, Any], warn: Callable[[str], None], timeout: float = TIMEOUT_SECONDS) -> None:
    """Sends `message` to all targets at once; `warn` gets a sentence for each that failed or has not taken it by then."""
    failures: dict[int, str] = {}
    threads = [
        threading.Thread(target=_send, args=(number, target, message, timeout, failures), name=f"notify-{target.kind}", daemon=True)
        for number, target in enumerate(targets)
    ]
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.start()
    for number, (thread, target) in enumerate(zip(threads, targets, strict=True)):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            warn(f"notify={target.kind}: not done after {timeout:g} s, left to itself")
        elif number in failures:
            warn(f"notify={target.kind}: {failures[number]}")


def environment(message: Mapping[str, Any]) -> dict[str, str]:
    """``SWEEP_NAME``, ``SWEEP_STATUS``, ``SWEEP_DIRECTORY`` and ``SWEEP_TEXT``, beside what the process has."""
    told = {f"SWEEP_{key.upper()}": str(message[key]) for key in ("name", "status", "directory", "text")}
    return {**os.environ, **told}


def _mistake(text: str) -> str | None:
    kind, _, address = text.partition(":")
    if kind not in KINDS or not address:
        return f"notify={kind}: must be command:COMMAND or webhook:URL"
    if kind == "webhook" and not _is_web(address):
        return "notify=webhook: the URL must begin with http:// or https:// and name a host ($NAME in it comes from the environment)"
    return None


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(os.path.expandvars(address))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _send(number: int, target: Target, message: Mapping[str, Any], timeout: float, failures: dict[int, str]) -> None:
    try:
        failure = _run(target.address, message) if target.kind == "command" else _post(target.address, message, timeout)
    except (OSError, ValueError, HTTPException) as error:  # its text may hold the address
        failure = f"failed ({type(error).__name__})"
    if failure:
        failures[number] = failure


def _run(command: str, message: Mapping[str, Any]) -> str | None:
    """In a session of its own: it outlives the sweep and its Ctrl-C."""
    process = subprocess.Popen(
        command,
        shell=True,
        start_new_session=True,
        env=environment(message),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.communicate(json.dumps(message).encode())
    return f"the command ended with exit code {process.returncode}" if process.returncode else None


def _post(url: str, message: Mapping[str, Any], timeout: float) -> str | None:
    body, headers = json.dumps(message).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(os.path.expandvars(url), body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"the server answered {error.code}"
    except urllib.error.URLError as error:
        return f"failed ({type(error.reason).__name__ if isinstance(error.reason, Exception) else 'no connection'})"
