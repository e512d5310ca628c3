"""The header of a PNG, read without a decoder."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from ...plumbing.errors import DataError
from .checks import check_side, read_head

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3
COLOURS = {GREY: "greyscale", 2: "RGB", PALETTE: "palette", 4: "greyscale and alpha", 6: "RGBA"}


@dataclass(frozen=True)
class PngHeader:
    """Bits a channel and the colour type, a key of `COLOURS`."""

    bits: int
    colour: int


def read_png_header(path: Path) -> PngHeader:
    """The header, from the first 26 bytes.

    Raises:
        DataError: no such file, not a PNG, an unknown colour type, or a side over `MAX_SIDE`.
    """
    head = read_head(path, 26)
    if len(head) < 26 or not head.startswith(SIGNATURE) or head[12:16] != b"IHDR":
        raise DataError(f"{path} is not a PNG file: save the image as PNG.")
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    check_side(path, height, width)
    if colour not in COLOURS:
        raise DataError(f"{path} has the unknown colour type {colour}: save it as PNG again.")
    return PngHeader(bits, colour)
