"""A cloud's metadata service for one machine: EC2's, version 2 only (a token by PUT, then GET with it), and Google's.

As a program (as root, on a machine whose own it is to be) it answers where clouds have it, and gives notice once a file is there.
"""

import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_NOTICE = {"action": "terminate", "time": "2026-01-01T00:02:00Z"}


class Metadata(BaseHTTPRequestHandler):
    """What is asked stands in `asked`; `trouble` is how it fails, ``closes`` or ``fails``."""

    asked: list[str]
    has_notice: Callable[[], bool]
    trouble: str | None

    def do_PUT(self) -> None:
        if self.path != "/latest/api/token" or not self.headers["X-aws-ec2-metadata-token-ttl-seconds"]:
            return self._answer(400)
        return self._answer(200, "a-token")

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.trouble == "closes":
            return self.connection.close()
        if self.trouble == "fails":
            return self._answer(503)
        if self.path == "/latest/meta-data/spot/instance-action":
            if self.headers["X-aws-ec2-metadata-token"] != "a-token":
                return self._answer(401)
            return self._answer(200, json.dumps(_NOTICE)) if self.has_notice() else self._answer(404)
        if self.path == "/computeMetadata/v1/instance/preempted" and self.headers["Metadata-Flavor"] == "Google":
            return self._answer(200, "TRUE" if self.has_notice() else "FALSE")
        return self._answer(403)

    def _answer(self, code: int, text: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


def service(has_notice: Callable[[], bool]) -> type[Metadata]:
    """A service of its own kind, for a server."""
    return type("Service", (Metadata,), {"asked": [], "has_notice": staticmethod(has_notice), "trouble": None})


if __name__ == "__main__":
    ThreadingHTTPServer(("169.254.169.254", 80), service(Path(sys.argv[1]).exists)).serve_forever()
