"""Depth and height maps as greyscale PNG of 16 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from . import png
from .format import Format
from .raster import read_wide


def read_depth_png(path: Path) -> NDArray[np.uint16]:
    """(H, W) uint16 counts.

    Raises:
        DataError: damaged, or not a greyscale PNG of 16 bits.
    """
    header = png.read_png_header(path)
    if header.bits != 16 or header.colour != png.GREY:
        raise DataError(
            f"{path} is {png.COLOURS[header.colour]} of {header.bits} bits: "
            "save depth as a greyscale PNG of 16 bits."
        )
    depth = read_wide(path, frozenset({"PNG"}))
    assert depth is not None  # as it has 16 bits
    return depth


PNG = Format("PNG", frozenset({".png"}), (png.SIGNATURE,), read_depth_png)
