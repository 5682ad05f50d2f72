"""Which linear layers a list of names means: a layer is named by the end of its path, as in ``q_proj`` or ``attn.q_proj``."""

from collections.abc import Iterable, Sequence

from trainable.spec.mistakes import unknown


def targeted(paths: Iterable[str], names: Sequence[str]) -> list[str]:
    """Those of `paths` that a name means, in their order."""
    return [path for path in paths if any(is_named(path, name) for name in names)]


def target_mistakes(paths: Iterable[str], names: Sequence[str]) -> list[str]:
    """One sentence for each name that means no linear layer."""
    paths = list(paths)
    known = sorted({path.rpartition(".")[2] for path in paths})
    lost = [name for name in names if not any(is_named(path, name) for path in paths)]
    return [f"{unknown('linear layer in adapter.target_modules', name, known)}; the model has {', '.join(known)}" for name in lost]


def is_named(path: str, name: str) -> bool:
    return path == name or path.endswith(f".{name}")
