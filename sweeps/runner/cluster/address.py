"""Whether a Ray answers where ``--address`` says: asked before anything starts, since Ray itself would wait a minute and more."""

import os
import re
import socket

_SECONDS = 5.0
_WHERE = re.compile(r"(ray://)?(?P<host>[^:/]+|\[[^]]+\]):(?P<port>\d{1,5})")
_HIGHEST_PORT = 65535


def address_mistakes(address: str | None) -> list[str]:
    """Why no sweep can run at `address`: a sentence, or none; ``auto`` is ``RAY_ADDRESS``, else the Ray of this machine."""
    named = os.environ.get("RAY_ADDRESS") if address == "auto" else None
    shown, address = f"--address {address}" + (f" (RAY_ADDRESS={named})" if named else ""), named or address
    if address is None:
        return []
    found = _local_ray() if address == "auto" else address
    if found is None:
        return [f"{shown}: no Ray runs on this machine; start one (ray start --head), or leave --address out and the sweep starts its own"]
    place = _WHERE.fullmatch(found)
    if place is None or int(place["port"]) > _HIGHEST_PORT:
        return [f"{shown}: an address is auto or HOST:PORT, such as 10.0.0.1:6379"]
    try:
        socket.create_connection((place["host"].strip("[]"), int(place["port"])), timeout=_SECONDS).close()
    except OSError as error:
        return [f"{shown}: no Ray answers there ({error.strerror or error}); ray status on its head node says whether it runs"]
    return []


def _local_ray() -> str | None:
    """HOST:PORT as Ray finds it."""
    from ray._private.services import get_ray_address_from_environment

    try:
        found = get_ray_address_from_environment("auto", None)
    except ConnectionError:
        return None
    return None if found is None else str(found)
