"""Somebody without the token tries every port of a host: all of Ray's remote procedures, and HTTP. Prints as JSON what came back.

Run as a program with a host and its ports; everything that is not refused is an answer.
"""

import http.client
import json
import re
import socket
import sys
from collections import Counter
from pathlib import Path

import grpc
import ray

_SECONDS = 3.0
_PATHS = ("/", "/api/jobs/", "/api/cluster_status", "/metrics", "/get_or_create_runtime_env")


def procedures() -> list[str]:
    """Every method that Ray's own stubs know, such as ``/ray.rpc.JobInfoGcsService/AddJob``."""
    stubs = Path(ray.__file__).parent.glob("core/generated/*_pb2_grpc.py")
    return sorted({name for stub in stubs for name in re.findall(r"'(/ray\.[\w.]+/\w+)'", stub.read_text())})


def called(host: str, port: int) -> Counter[str]:
    """How often each outcome came of calling every procedure: a name of gRPC's, or ``answered``."""
    found: Counter[str] = Counter()
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        for name in procedures():
            try:
                channel.unary_unary(name, request_serializer=bytes, response_deserializer=bytes)(b"", timeout=_SECONDS)
                found[f"answered {name}"] += 1
            except grpc.RpcError as error:
                found[error.code().name] += 1
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    break  # it speaks no gRPC
    return found


def fetched(host: str, port: int) -> dict[str, str]:
    """What each path gave: the status, and the first words where it was 200."""
    found = {}
    for path in _PATHS:
        try:
            connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
            connection.request("GET", path)
            answer = connection.getresponse()
            found[path] = f"{answer.status}" + (f" {answer.read().decode(errors='replace')[:40]}" if answer.status < 400 else "")
            connection.close()
        except (OSError, http.client.HTTPException):
            continue  # it speaks no HTTP
    return found


def tried(host: str, port: int) -> dict[str, object] | None:
    """None where nobody listens."""
    try:
        socket.create_connection((host, port), _SECONDS).close()
    except OSError:
        return None
    return {"http": fetched(host, port), "grpc": dict(called(host, port))}


if __name__ == "__main__":
    print(json.dumps({port: tried(sys.argv[1], int(port)) for port in sys.argv[2:]}))
