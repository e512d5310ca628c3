"""Bundles that a test has changed, with hashes that fit again, as a forger would make them."""

import json
from pathlib import Path
from typing import Any

from mentor3ad.inspection.bundle import BUNDLE_FILE, sealed_text
from mentor3ad.weights.download import file_sha256


def content_of(folder: Path) -> dict[str, Any]:
    """What bundle.json says, without its own hash."""
    found: dict[str, Any] = json.loads((folder / BUNDLE_FILE).read_text())
    found.pop("sha256", None)
    return found


def sign(folder: Path, **values: Any) -> None:
    """Set keys of bundle.json, and make all hashes in it those of the files as they are now."""
    content = content_of(folder)
    files = {name: file_sha256(folder / name) for name in content["files"]}
    (folder / BUNDLE_FILE).write_text(sealed_text(content | {"files": files} | values))
