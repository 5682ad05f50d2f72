"""Every adapter by name; a new one is a file, a line here, and its fields in `AdapterConfig`."""

from trainable.adapters.entry import AdapterEntry
from trainable.adapters.lora import LORA
from trainable.adapters.none import NONE
from trainable.adapters.sublora import SUBLORA

ADAPTERS: dict[str, AdapterEntry] = {
    "none": NONE,
    "lora": LORA,
    "sublora": SUBLORA,
}
