"""JSON text as plain values: fast where it is strict JSON, and as the standard library reads it where it is not."""

import json
from typing import Any

import orjson


def from_json(text: bytes) -> Any:
    """The value in `text`; NaN and infinity are read too, and a whole number beyond 64 bits as a float.

    Raises ValueError or RecursionError when there is none.
    """
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)
