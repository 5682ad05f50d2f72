"""Copies what changed to another place, reads each copy back, and writes down what is there; an interrupted backup goes on where it was."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from analysis.archive.contents import contents
from analysis.backup.copying import bring, digest_of
from analysis.backup.manifest import MANIFEST, Copy, as_json, read_copies
from analysis.backup.plan import LocalFile, gone, keepers, to_copy
from trainable.spec.storage.store import Store, whole

# The manifest is written at least this often, so that an interrupted backup repeats little.
_BYTES_BETWEEN, _FILES_BETWEEN = 256 << 20, 500


@dataclass
class Outcome:
    """Names at the destination. `kept` have no source any more and are the last copies of their content; `bytes` is what was sent."""

    copied: list[str] = field(default_factory=list)
    unchanged: int = 0
    bytes: int = 0
    pruned: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Backup:
    """`roots` are the folders and files to back up, each under its own name; `say` is told of each file that is copied or removed."""

    roots: Sequence[Path]
    store: Store
    checksum: bool = False
    dry_run: bool = False
    prune: bool = False
    say: Callable[[str], None] = lambda _: None

    def run(self) -> Outcome:
        """Raises OSError when a file cannot be read, the place fails or gives back other bytes; what was done by then stays noted."""
        sources = dict(_sources(self.roots))
        local = {name: LocalFile(about.st_size, about.st_mtime_ns) for name, path in sources.items() for about in [path.stat()]}
        present = self.store.sizes()
        copies = read_manifest(self.store)
        names = sorted(local) if self.checksum else to_copy(local, copies, present)
        outcome, before = Outcome(unchanged=len(local) - len(names)), dict(copies)
        try:
            for name in names:
                self._bring(name, sources[name], copies, present, outcome)
            if self.prune:
                self._prune(gone(local, [root.name for root in self.roots], copies), copies, outcome)
        except BaseException:
            with suppress(OSError):  # a place that is full may have no room for the manifest either
                self._note(copies)
            raise
        if copies != before:
            self._note(copies)
        return outcome

    def _bring(self, name: str, path: Path, copies: dict[str, Copy], present: dict[str, int], outcome: Outcome) -> None:
        if self.dry_run:
            outcome.copied.append(name)
            outcome.bytes += path.stat().st_size
            return
        copy, was_sent = bring(self.store, name, path, present, datetime.now(UTC).isoformat(timespec="seconds"))
        copies[name] = copy
        if not was_sent:
            outcome.unchanged += 1
            return
        self.say(f"copied {name}")
        before, outcome.bytes = outcome.bytes, outcome.bytes + copy.size
        outcome.copied.append(name)
        if before // _BYTES_BETWEEN < outcome.bytes // _BYTES_BETWEEN or len(outcome.copied) % _FILES_BETWEEN == 0:
            self._note(copies)

    def _prune(self, expired: Sequence[str], copies: dict[str, Copy], outcome: Outcome) -> None:
        """Removes a copy only after another one with its content was read back, now and in full."""
        for name, others in keepers(expired, copies).items():
            if not any(digest_of(self.store, other) == copies[name].sha256 for other in others):
                outcome.kept.append(name)
                continue
            outcome.pruned.append(name)
            if not self.dry_run:
                self.store.delete(name)
                del copies[name]
                self.say(f"removed {name}")

    def _note(self, copies: dict[str, Copy]) -> None:
        if not self.dry_run:
            self.store.write(MANIFEST, [as_json(copies).encode()])


def read_manifest(store: Store) -> dict[str, Copy]:
    """What the destination says of itself; empty where nothing was ever backed up. Raises ValueError when it is damaged."""
    try:
        return read_copies(whole(store, MANIFEST).decode())
    except FileNotFoundError:
        return {}


def _sources(roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    for root in roots:
        if root.is_file():
            yield root.name, root
        else:
            yield from ((f"{root.name}/{name}", root / name) for name in contents(root).files)
