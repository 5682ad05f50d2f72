"""Wrong requests: every mistake of one input at once, each with the value, the rule and the nearest known name."""

from collections.abc import Iterable
from difflib import get_close_matches

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_WRONG_REQUEST = 2
EXIT_INTERRUPTED = 130


class WrongRequest(ValueError):
    """The request cannot be carried out as written; `mistakes` holds one sentence for each fault."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(self.mistakes))


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the nearest known name, or the list of names when nothing is near."""
    names = sorted(known)
    near = get_close_matches(given, names, n=1, cutoff=0.6)
    if near:
        return f" (did you mean '{near[0]}'?)"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f" (known: {shown})" if names else ""


def unknown(kind: str, given: str, known: Iterable[str]) -> str:
    return f"unknown {kind} '{given}'{did_you_mean(given, known)}"


def render(mistakes: Iterable[str]) -> str:
    """The text printed before exit 2: one line for each mistake."""
    return "\n".join(f"error: {mistake}" for mistake in mistakes)
