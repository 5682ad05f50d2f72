"""How a process grows with the trials that it has started."""

from pathlib import Path

_PAGE_KIB = 4


class Growth:
    """The driver's resident memory by the number of trials that had started; the first quarter, with its imports, does not count."""

    def __init__(self, trials: int) -> None:
        self._from, self._seen = max(1, trials // 4), dict[int, int]()

    def look(self, trials: int) -> None:
        if trials >= self._from and trials not in self._seen:
            self._seen[trials] = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB

    @property
    def kib(self) -> float | None:
        if len(self._seen) < 2:
            return None
        first, last = min(self._seen), max(self._seen)
        return (self._seen[last] - self._seen[first]) / (last - first)
