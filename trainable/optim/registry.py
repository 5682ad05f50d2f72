"""Every optimizer by name; importable without torch."""

from trainable.optim.adafactor import ADAFACTOR
from trainable.optim.adam import ADAM
from trainable.optim.adam4bit import ADAM4BIT
from trainable.optim.adam8bit import ADAM8BIT
from trainable.optim.adamw import ADAMW
from trainable.optim.entry import OptimizerEntry
from trainable.optim.hybrid import HYBRID
from trainable.optim.lion8bit import LION8BIT
from trainable.optim.muon import MUON
from trainable.optim.sgd import SGD

OPTIMIZERS: dict[str, OptimizerEntry] = {
    "sgd": SGD,
    "adam": ADAM,
    "adamw": ADAMW,
    "adam8bit": ADAM8BIT,
    "adam4bit": ADAM4BIT,
    "adafactor": ADAFACTOR,
    "lion8bit": LION8BIT,
    "muon": MUON,
    "hybrid": HYBRID,
}
