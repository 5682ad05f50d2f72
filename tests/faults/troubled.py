"""A worker that gets into trouble on order, for tests: what it is told lies in files, so that the product knows nothing of it.

A file ``<results>/../troubles/<kind>-<learning rate>-s<seed>`` orders one trouble for each of its lines; the micro-batch that fits is
the content of ``memory-...``, which stays.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

from trainable.ray_trainable import TransformerTrainable
from trainable.trainer import Trainer


class Troubled(TransformerTrainable):
    def step(self) -> dict[str, Any]:
        if self.trainer is not None:
            _make_trouble(self.trainer)
        return super().step()


def _make_trouble(trainer: Trainer) -> None:
    config = trainer.config
    name = f"{config.optimizer.lr:g}-s{config.training.seed}"
    troubles = trainer.run_dir.path.parents[2] / "troubles"
    if _take(troubles / f"raise-{name}"):
        raise RuntimeError("trouble on order")
    if _take(troubles / f"stop-{name}"):
        os.kill(os.getpid(), signal.SIGSTOP)
    if _take(troubles / f"hang-{name}"):
        trainer.advance = lambda: time.sleep(3600)  # type: ignore[method-assign, assignment, return-value]
    memory = troubles / f"memory-{name}"
    if memory.exists() and trainer.learner.micro_batch_size > int(memory.read_text()):
        trainer.learner.take_step = _out_of_memory  # type: ignore[method-assign, assignment]


def _take(order: Path) -> bool:
    """Whether there is an order, which is then one line shorter."""
    lines = order.read_text().splitlines() if order.exists() else []
    if lines:
        order.write_text("".join(f"{line}\n" for line in lines[1:]))
    return bool(lines)


def _out_of_memory(*_: object, **__: object) -> None:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried 42 bytes")
