"""Serves the pages of all sweeps below a folder on 127.0.0.1: reads only, and only reports, figures and tables."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from markupsafe import Markup

from analysis.page.document import HERE, SYMBOLS, policy, style, template
from analysis.page.listing import Listing
from analysis.page.routes import address, file_of, type_of

HOST = "127.0.0.1"
# A page elsewhere may let its own name point here; this machine's browser says which name it asked for.
_NAMES = (HOST, "localhost")


class PageServer(ThreadingHTTPServer):
    """Answers on `port` (0: a free one) once ``serve_forever`` is called. Raises OSError when the port is taken."""

    daemon_threads = True

    def __init__(self, root: Path, port: int) -> None:
        self.listing = Listing(root.resolve())
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}/"


def list_page(listing: Listing) -> str:
    """All sweeps in a table that renews itself."""
    script = (HERE / "list.js").read_text()
    return str(
        template("list.html").render(
            lines=listing.lines(),
            address=address,
            symbols=SYMBOLS,
            policy=policy([script], connect="'self'"),
            script=Markup(script),
            style=style(),
        )
    )


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    server_version = "transformer-sweeps"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if (self.headers.get("Host") or "").rpartition(":")[0] not in _NAMES:
            return self._refuse(HTTPStatus.FORBIDDEN, "this server answers to 127.0.0.1 and localhost only")
        path = urlsplit(self.path).path
        if path == "/":
            return self._send("text/html; charset=utf-8", list_page(self.server.listing).encode())
        file = file_of(path, self.server.listing.directories())
        if file is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such report, figure or table; / lists the sweeps")
        try:
            content = file.read_bytes()
        except OSError:
            return self._refuse(HTTPStatus.NOT_FOUND, f"{file.name} is not written yet: python -m analysis report writes it")
        return self._send(type_of(file), content)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send("text/plain; charset=utf-8", f"{why}\n".encode(), status)

    def _send(self, kind: str, content: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        about = {"Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}
        about |= {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'"}
        for name, value in (about | {"Cross-Origin-Resource-Policy": "same-origin"}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a browser that looks every few seconds is no news."""
