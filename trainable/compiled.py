"""The compiled loss of a run: model and cross entropy in one graph, so that logits are never written out in float32.

Processes of one host share what the compiler has made (its folder on disk, ``TORCHINDUCTOR_CACHE_DIR``), runs of one process the
compiled function itself: of the trials of one shape only the first pays.
"""

from collections.abc import Hashable

import torch

from trainable.train_step import Loss, token_loss

# torch keeps eight compiled forms of a function (`torch._dynamo.config.recompile_limit`) and leaves every further one uncompiled. A run
# has up to two: whole micro-batches, and a last shorter one.
MOST_SHAPES = 4
_shapes: set[Hashable] = set()


def compiled_loss(shape: Hashable) -> Loss:
    """`token_loss`, compiled at its first call; `shape` is what tells runs apart that need compiled forms of their own.

    When a process has come to more shapes than torch keeps, it forgets all of them: they come back from the disk.
    """
    if shape not in _shapes and len(_shapes) == MOST_SHAPES:
        torch.compiler.reset()
        _shapes.clear()
    _shapes.add(shape)
    return torch.compile(token_loss)
