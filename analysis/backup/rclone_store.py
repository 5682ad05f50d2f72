"""Remotes of rclone, such as ``gdrive:research/archive``: every place that rclone knows, with its own configuration and secrets."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO


class RcloneStore:
    def __init__(self, remote: str) -> None:
        self._remote = remote.rstrip("/")

    def sizes(self) -> dict[str, int]:
        done = subprocess.run(["rclone", "lsjson", "-R", "--files-only", self._remote], capture_output=True, text=True, check=False)
        if done.returncode == 3:  # rclone's exit code for a directory that is not there
            return {}
        _raise(done.returncode, done.stderr, self._remote)
        return {entry["Path"]: entry["Size"] for entry in json.loads(done.stdout)}

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        with subprocess.Popen(
            ["rclone", "cat", self._path(name)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            yield process.stdout
            process.stdout.read()
            complaint = process.stderr.read().decode(errors="replace")
        _raise(process.returncode, complaint, self._path(name))

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        command = ["rclone", "rcat", self._path(name)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stdin is not None
        try:
            for part in parts:
                process.stdin.write(part)
        except BrokenPipeError:
            pass  # what rclone has to say about it follows
        except BaseException:
            process.kill()  # a closed pipe would be taken for the end of the file
            process.communicate()
            raise
        complaint = process.communicate()[1].decode(errors="replace")
        _raise(process.returncode, complaint, self._path(name))

    def delete(self, name: str) -> None:
        done = subprocess.run(["rclone", "deletefile", self._path(name)], capture_output=True, text=True, check=False)
        _raise(done.returncode, done.stderr, self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._remote}{'' if self._remote.endswith(':') else '/'}{name}"


def is_installed() -> bool:
    return shutil.which("rclone") is not None


def _raise(code: int, complaint: str, path: str) -> None:
    lines = complaint.strip().splitlines()
    if code:
        error = FileNotFoundError if code in (3, 4) or "not found" in complaint else OSError
        raise error(f"rclone failed on {path} (exit code {code}): {lines[-1] if lines else 'it said nothing'}")
