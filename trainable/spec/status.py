"""The states of a trial, in one place."""

from enum import StrEnum


class Status(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ENDED_BY_ITSELF = frozenset({Status.COMPLETED, Status.DIVERGED, Status.OUT_OF_MEMORY})


class Stage(StrEnum):
    EXPLORE = "explore"
    CONFIRM = "confirm"
