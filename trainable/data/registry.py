"""Every data set by name; a new one is a file and a line here."""

from trainable.data import capitalization, hub, stdlib, text
from trainable.data.source import Source

DATASETS: dict[str, Source] = {
    "stdlib": stdlib.SOURCE,
    "text": text.SOURCE,
    "capitalization": capitalization.SOURCE,
    "tinystories": hub.SOURCE,
    "wikitext": hub.WIKITEXT,
    "openwebtext": hub.SOURCE,
    "pile": hub.SOURCE,
}
