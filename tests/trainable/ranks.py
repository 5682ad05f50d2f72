"""Processes that train one run together: each call of `Ranks.run` is a world of its own, in processes that stay (imports take seconds)."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


class Ranks:
    """`count` processes, each of which is one rank."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = [ProcessPoolExecutor(1, mp_context=context) for _ in range(count)]

    def run(self, function: Callable[..., Any], *arguments: Any, ranks: int | None = None) -> list[Any]:
        """What `function`, of a module's top level, returns on each of the first `ranks` ranks (None: all)."""
        chosen, port = self._processes[:ranks], _free_port()
        going = [process.submit(_as_rank, rank, len(chosen), port, function, arguments) for rank, process in enumerate(chosen)]
        return [call.result(timeout=120) for call in going]

    def close(self) -> None:
        for process in self._processes:
            process.shutdown()


def _as_rank(rank: int, ranks: int, port: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    world = {"RANK": rank, "WORLD_SIZE": ranks, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in world.items()})
    return function(*arguments)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
