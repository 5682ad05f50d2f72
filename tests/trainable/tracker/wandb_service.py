"""As much of the service of Weights & Biases on 127.0.0.1 as ``wandb sync`` asks for; it keeps what it is sent."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """`rows` by step, without wandb's own keys; `run` are the variables that a run was announced with, `files` what was uploaded."""

    url: str
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    is_complete: bool = False

    def stream(self, sent: dict[str, Any]) -> None:
        """One message of the run's file stream."""
        files = sent.get("files") or {}
        for line in files.get("wandb-history.jsonl", {}).get("content", []):
            values = json.loads(line)
            self.rows[values["_step"]] = {name: value for name, value in values.items() if not name.startswith("_")}
        self.is_complete |= bool(sent.get("complete"))

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The data that a GraphQL request gets."""
        given = asked.get("variables") or {}
        if "UpsertBucket" in asked["query"]:
            self.run |= {name: value for name, value in given.items() if value is not None}
            project = {"id": "p", "name": given["project"], "entity": {"id": "e", "name": "somebody"}}
            bucket = {"id": "r", "name": given["name"], "displayName": given["displayName"], "historyLineCount": 0, "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "CreateRunFiles" in asked["query"]:
            wanted = [{"name": name, "uploadUrl": f"{self.url}/upload/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": wanted}}
        return {}


@contextmanager
def wandb_service() -> Iterator[Received]:
    """Answers until the body ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            if self.path.startswith("/graphql"):
                self._reply({"data": received.answer(json.loads(body))})
                return
            if self.path.endswith("/file_stream"):
                received.stream(json.loads(body))
            self._reply({})

        def do_PUT(self) -> None:
            received.files[self.path.removeprefix("/upload/")] = self._body()
            self._reply({})

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

        def _body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

        def _reply(self, content: dict[str, Any]) -> None:
            text = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Received(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()
