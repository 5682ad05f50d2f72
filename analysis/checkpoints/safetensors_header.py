"""The header of a safetensors file: names, types and shapes of its tensors, and whether the file is as long as they need.

No tensor is read. Format: 8 bytes little-endian length, that many bytes of JSON, then the tensors' bytes without gaps
(https://github.com/huggingface/safetensors#format).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

# The library's own limit for the length of a header.
_LONGEST_HEADER = 100_000_000
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}


@dataclass(frozen=True)
class TensorEntry:
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class SafetensorsHeader:
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]

    @property
    def entries(self) -> int:
        """Numbers in all tensors together."""
        return sum(prod(tensor.shape) for tensor in self.tensors.values())


def read_header(path: Path) -> SafetensorsHeader:
    """The header of `path`. Raises ValueError with the fault when the file is torn or of another format, OSError when it cannot be read."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_LONGEST_HEADER, size - 8):
            raise ValueError(f"torn or no safetensors file: {size} bytes do not hold its header")
        content = file.read(length)
    return parse_header(content, size - 8 - length)


def parse_header(content: bytes, data_bytes: int) -> SafetensorsHeader:
    """The header from its JSON text; `data_bytes` is what follows it in the file. Raises ValueError unless tensors and file agree."""
    try:
        values = json.loads(content)
        metadata = values.pop("__metadata__", {})
        tensors = {name: _entry(name, entry) for name, entry in values.items()}
    except (TypeError, KeyError, AttributeError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"the safetensors header is damaged ({type(error).__name__})") from error
    reached = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != reached:
            raise ValueError(f"the safetensors header is damaged: tensor '{name}' starts at byte {tensor.start}, not {reached}")
        reached = tensor.end
    if reached != data_bytes:
        raise ValueError(f"{data_bytes} bytes of tensors where the header names {reached}")
    return SafetensorsHeader(tensors, metadata if isinstance(metadata, dict) else {})


def _entry(name: str, entry: Mapping[str, Any]) -> TensorEntry:
    start, end = entry["data_offsets"]
    shape, dtype = tuple(entry["shape"]), entry["dtype"]
    if not all(isinstance(number, int) and number >= 0 for number in (start, end, *shape)):
        raise TypeError(name)
    bits = _BITS.get(dtype)
    if bits is not None and end - start != prod(shape) * bits // 8:
        raise ValueError(f"tensor '{name}' of {dtype} {list(shape)} has {end - start} bytes")
    return TensorEntry(dtype, shape, start, end)
