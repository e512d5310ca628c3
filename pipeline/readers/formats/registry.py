"""The formats of geometry. A new one is a module that makes a `Format`, and its line below."""

from __future__ import annotations

import re
from pathlib import Path

from ...plumbing.errors import DataError
from .checks import read_head
from .csv_grid import CSV as CSV
from .depth_png import PNG as PNG
from .e57 import E57 as E57
from .format import Format, Values
from .las import LAS as LAS
from .npy import NPY as NPY
from .npy import NPZ as NPZ
from .pcd import PCD as PCD
from .ply import PLY as PLY
from .rosbag import BAG as BAG
from .tiff import TIFF as TIFF
from .zdf import ZDF as ZDF

__all__ = ["FORMATS", "GEOMETRY_SUFFIXES", "has_colour", "read_values"]

# Every format that is imported above, by its name.
FORMATS: dict[str, Format] = {one.name: one for one in vars().values() if isinstance(one, Format)}
GEOMETRY_SUFFIXES = frozenset(suffix for one in FORMATS.values() for suffix in one.suffixes)

_LONGEST_SIGNATURE = 16  # bytes
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def read_values(path: Path) -> Values:
    """What a file holds, told by its content.

    Raises:
        DataError: it is none of the formats, or its reader refuses it.
    """
    return _format_of(path).read(path)


def has_colour(path: Path) -> bool:
    """Whether a geometry brings its own colours, by its header; False where that is damaged."""
    try:
        return _format_of(path).has_colour(path)
    except DataError:
        return False


def _format_of(path: Path) -> Format:
    head = read_head(path, _LONGEST_SIGNATURE)
    found = [
        (len(signature), one)
        for one in FORMATS.values()
        for signature in one.signatures
        if head.startswith(signature)
    ]
    if found:
        return max(found, key=lambda entry: entry[0])[1]
    if head.strip() and not _NO_TEXT.search(head):
        return next(one for one in FORMATS.values() if not one.signatures)
    names = ", ".join(sorted(FORMATS))
    raise DataError(f"{path} is none of {names}: save it as one of them.")
