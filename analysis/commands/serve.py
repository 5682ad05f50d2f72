"""``python -m analysis serve PATH``: the report pages of all sweeps below PATH in a browser on this machine, with a list of them."""

import argparse
from pathlib import Path

from analysis.commands.command import Command
from trainable.spec.mistakes import EXIT_DONE, did_you_mean

PORT = 8765
_HIGHEST = 65535


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help="results, results/sweeps, or one sweep")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"on 127.0.0.1; 0 takes a free one (default: {PORT})")


def _mistakes(given: argparse.Namespace) -> list[str]:
    found = [] if 0 <= given.port <= _HIGHEST else [f"--port {given.port}: a port lies between 0 and {_HIGHEST}"]
    if not given.path.is_dir():
        parent = given.path.parent
        siblings = [entry.name for entry in parent.iterdir() if entry.is_dir()] if parent.is_dir() else []
        missing = "is no directory" if given.path.exists() else "does not exist"
        found.append(f"'{given.path}' {missing}" + (did_you_mean(given.path.name, siblings) if siblings else ""))
    return found


def _run(given: argparse.Namespace) -> int:
    from analysis.page.server import HOST, PageServer

    try:
        server = PageServer(given.path, given.port)
    except OSError as error:
        raise OSError(f"{HOST}:{given.port} cannot be served ({error.strerror}); --port 0 takes a free port") from error
    with server:
        count = len(server.listing.directories())
        print(f"{count} sweep{'' if count == 1 else 's'} below {given.path} on {server.url} (ends with ctrl-c)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return EXIT_DONE


SERVE = Command("serve the pages of all sweeps below PATH on 127.0.0.1", _arguments, _run, _mistakes)
