"""Every optimizer by name; importable without torch."""

from trainable.optim.adafactor import ADAFACTOR
from trainable.optim.adam8bit import ADAM8BIT
from trainable.optim.adamw import ADAMW
from trainable.optim.entry import OptimizerEntry
from trainable.optim.sgd import SGD

OPTIMIZERS: dict[str, OptimizerEntry] = {
    "sgd": SGD,
    "adamw": ADAMW,
    "adam8bit": ADAM8BIT,
    "adafactor": ADAFACTOR,
}
