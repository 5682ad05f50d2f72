"""How every command ends: wrong requests are told in full with exit 2, Ctrl-C ends with 130."""

import os
import sys
from collections.abc import Callable

from trainable.spec.mistakes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_WRONG_REQUEST, WrongRequest, render


def run_command(main: Callable[[], int]) -> int:
    """The exit code of `main`, with its wrong requests printed to stderr instead of raised."""
    try:
        return main()
    except WrongRequest as wrong:
        print(render(wrong.mistakes), file=sys.stderr)
        return EXIT_WRONG_REQUEST
    except KeyboardInterrupt:
        print("interrupted: what was written is whole", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Such as `... | head`. Python would flush at its end, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("error: nobody reads the output any more", file=sys.stderr)
        return EXIT_FAILED
