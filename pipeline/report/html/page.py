"""Puts the page together: template, style, script and data in one file that loads nothing.

The page's Content-Security-Policy allows scripts and styles by their hash alone. No data is ever
part of the markup: it stands in script elements that are not run, where `<` cannot occur.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import matplotlib
import numpy as np

from ...evaluation.views import CategoryViews, ScanView
from ...plumbing.documents import dump_json
from ...plumbing.errors import CacheError
from .content import Content

FOLDER = Path(__file__).parent
SCRIPTS = (  # in the order they need one another
    *("dom", "store", "format", "colour", "charts", "tables", "threshold", "outline", "maps"),
    *("gallery", "cloud", "orbit", "alarm", "enlarge", "viewer", "address", "theme", "main"),
)
PALETTES = ("viridis", "inferno")
BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def render_page(content: Content, views: Sequence[CategoryViews]) -> str:
    """The text of the HTML file; the same arguments give the same text.

    Raises:
        CacheError: a view is not base64.
    """
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = _script()
    data = asdict(content) | {"palettes": {name: _palette(name) for name in PALETTES}}
    parts = {
        "STYLE_HASH": _csp_hash(style),
        "SCRIPT_HASH": _csp_hash(script),
        "STYLE": style,
        "SCRIPT": script,
        "CONTENT": script_json(data),
        "VIEWS": "\n".join(_views(i, category) for i, category in enumerate(views)),
    }
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return re.sub(r"%%(\w+)%%", lambda found: parts[found[1]], template)


def script_json(value: object) -> str:
    """JSON that may stand inside a script element, since no `<` in it can end the element."""
    text = dump_json(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _script() -> str:
    """The script files as one function, so that none of their names is global."""
    files = [(FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(files) + "})();\n"


def _views(position: int, category: CategoryViews) -> str:
    """A script element for each category, a line for each scan; read when one of them is shown."""
    lines = "\n".join(_line(scan) for scan in category.scans)
    return f'<script type="text/plain" id="views-{position}">\n{lines}\n</script>'


def _line(scan: ScanView) -> str:
    numbers = (int(scan.masked), scan.grid, *scan.origin, scan.step)
    parts = (scan.picture, scan.maps, scan.masks, scan.cloud)
    if not all(BASE64.fullmatch(part) for part in parts):
        raise CacheError(f"{scan.id}: its view is not base64; `dvc repro` makes it again")
    return " ".join([*parts, *(f"{number:.9g}" for number in numbers)])


def _palette(name: str) -> str:
    """The 256 colours of a matplotlib colormap, as one string of hexadecimal digits."""
    colours = matplotlib.colormaps[name](np.arange(256))[:, :3]
    return (colours * 255 + 0.5).astype(np.uint8).tobytes().hex()


def _csp_hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
