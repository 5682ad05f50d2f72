"""What a page of ours is made of: a template whose texts are escaped, scripts that its policy names, data that cannot end an element."""

import base64
import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent
# One script, in this order: each file builds on those before it.
SCRIPTS = ("trials", "theme", "filters", "table", "details", "curves", "boxes", "parallel", "by_value", "start")
SYMBOLS = {"CONFIRMED": "✓", "REFUTED": "✗", "UNDECIDED": "?"}


def template(name: str) -> Any:
    """A template of this folder; every text that it is given is escaped."""
    loader = FileSystemLoader(HERE)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(name)


def style() -> Markup:
    return Markup((HERE / "page.css").read_text())


@cache
def library() -> str:
    """Plotly's JavaScript, as its Python package brings it along."""
    found = importlib.util.find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("plotly is not installed: pip install plotly")
    return (Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def own_script() -> str:
    """Our own JavaScript; nothing of it is seen from outside."""
    parts = [(HERE / f"{name}.js").read_text() for name in SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def policy(scripts: Sequence[str], connect: str = "'none'") -> str:
    """A content security policy: only these very scripts run, and nothing is fetched from anywhere."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts)
    allowed = {"default-src": "'none'", "script-src": hashes, "style-src": "'unsafe-inline'", "img-src": "data: blob:"}
    allowed |= {"connect-src": connect, "base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def embedded(value: Any) -> Markup:
    """`value` as JSON that can stand in a script element: no character of it can end that element."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
