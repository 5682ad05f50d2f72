"""What a lane asks for, and which asks are answered together."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass
class Share:
    """A micro-batch x, y (int64 [rows, time]) and its weight in the step's mean."""

    x: Tensor
    y: Tensor
    weight: float = 1.0


@dataclass
class TrainRequest:
    """One optimizer step of the lane in `row`; `shares` are taken off as their gradients are added up, their losses in `loss`."""

    engine: Any
    row: int
    shares: list[Share]
    lr: float
    measure_update: bool
    loss: Tensor | None = None

    @property
    def kind(self) -> Hashable:
        return (id(self.engine), "train", tuple(self.shares[0].x.shape))


@dataclass
class ScoreRequest:
    """The mean cross entropy of one micro-batch, without gradients."""

    engine: Any
    row: int
    share: Share

    @property
    def kind(self) -> Hashable:
        return (id(self.engine), "score", tuple(self.share.x.shape))


Request = TrainRequest | ScoreRequest


@dataclass(eq=False)
class Asked:
    """A request of a lane, waiting since `turn`."""

    lane: Any
    request: Request
    turn: int


def chosen(waiting: Sequence[Asked]) -> list[Asked]:
    """Those answered next: all of one kind that one of the longest waiting has, and of such kinds the one most have."""
    oldest = min(asked.turn for asked in waiting)
    alike = dict[Hashable, list[Asked]]()
    for asked in waiting:
        alike.setdefault(asked.request.kind, []).append(asked)
    return max((group for group in alike.values() if any(asked.turn == oldest for asked in group)), key=len)
