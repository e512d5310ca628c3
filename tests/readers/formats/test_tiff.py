"""TIFF and depth PNG of another kind than they should be, or that claim what they do not hold."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from testbed.raw_files import png_bytes
from tests.readers.formats.hostile import MAP, refused
from tests.readers.test_images import png_header

SIX = {"photometric": "minisblack", "planarconfig": "contig"}


@pytest.mark.parametrize(
    ("array", "options", "why"),
    [
        (MAP.astype(np.uint16), {"photometric": "rgb"}, "is uint16: save x, y, z as float32"),
        (MAP[..., 0].astype(np.uint8), {}, "is uint8: save depth as float32 or uint16"),
        (MAP[..., 0].astype(np.complex64), {}, "is complex64: save depth"),
        (np.dstack([MAP, MAP]), SIX, r"has shape \(3, 4, 6\)"),
        (np.stack([MAP, MAP]), {"photometric": "rgb"}, "has 2 pages"),
    ],
)
def test_tiff_of_another_kind(tmp_path: Path, array: Any, options: Any, why: str) -> None:
    tifffile.imwrite(tmp_path / "p.tif", array, **options)
    refused(tmp_path / "p.tif", why)


def test_tiff_that_inflates_beyond_its_pixels(tmp_path: Path) -> None:
    """A strip of 2 MiB in a page of 144 bytes."""
    path = tmp_path / "p.tif"
    tifffile.imwrite(path, MAP, photometric="rgb", compression="zlib")
    strip = zlib.compress(b"\0" * 2**21, 9)
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        places = (tags["StripOffsets"].valueoffset, tags["StripByteCounts"].valueoffset)
        sizes = [tags[name].dtype for name in ("StripOffsets", "StripByteCounts")]
    content = bytearray(path.read_bytes())
    for at, dtype, value in zip(places, sizes, (len(content), len(strip)), strict=True):
        packed = struct.pack("<H" if int(dtype) == 3 else "<I", value)
        content[at : at + len(packed)] = packed
    path.write_bytes(content + strip)
    refused(path, "inflates to more than it claims")


def test_lzw_of_three_channels(tmp_path: Path) -> None:
    path = tmp_path / "p.tif"
    tifffile.imwrite(path, MAP, photometric="rgb")
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages.first.tags["Compression"].valueoffset
    content = bytearray(path.read_bytes())
    content[at : at + 2] = struct.pack("<H", 5)
    path.write_bytes(content)
    refused(path, "is compressed with LZW: save it without compression or with Deflate")


def test_depth_png_of_eight_bits(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "d.png")
    refused(tmp_path / "d.png", "is greyscale of 8 bits: save depth as")


def test_depth_png_in_colour(tmp_path: Path) -> None:
    (tmp_path / "d.png").write_bytes(png_bytes(np.zeros((4, 4, 3), np.uint16), 2))
    refused(tmp_path / "d.png", "is RGB of 16 bits: save depth as")


def test_huge_depth_png(tmp_path: Path) -> None:
    path = png_header(tmp_path / "d.png", 60000, 60000, bits=16, colour=0)
    refused(path, "claims 60000 x 60000 pixels")
