"""Which checkpoints stay: the newest few while a run goes on, none of the numbered ones once it is completed (best and final remain)."""

from collections.abc import Sequence


def expired(steps: Sequence[int], keep: int) -> list[int]:
    """The steps of `steps` that go when the newest `keep` stay, ascending."""
    ordered = sorted(steps)
    return ordered[: max(0, len(ordered) - keep)]
