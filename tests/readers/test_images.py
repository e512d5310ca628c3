"""Readers: what is accepted arrives unchanged, and each refusal names file, value and remedy."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.images import read_mask, read_points, read_raw_scan, read_rgb
from tests.raw_scans import disc_points, write_png, write_points

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
POINTS = disc_points(20, 30)


def png_header(path: Path, width: int, height: int, bits: int = 8, colour: int = 2) -> Path:
    """A PNG that is all header."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    return path


def tiff_header(path: Path, width: int, height: int) -> Path:
    """A TIFF of float32 RGB that is all header."""
    tags = [(256, width), (257, height), (258, 32), (259, 1), (262, 2), (273, 8), (277, 3)]
    tags += [(278, height), (279, width * height * 12 % 2**32), (339, 3)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    path.write_bytes(head + body + struct.pack("<I", 0))
    return path


def test_rgb_arrives_unchanged(tmp_path: Path) -> None:
    write_png(tmp_path / "a b ü.png", RGB)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a b ü.png"), RGB)


def test_alpha_is_dropped(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, (20, 30, 1), dtype=np.uint8)
    write_png(tmp_path / "a.png", np.concatenate([RGB, alpha], axis=2))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), RGB)


def test_greyscale_becomes_three_equal_channels(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB[..., 0])
    expected = np.repeat(RGB[..., :1], 3, axis=2)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), expected)


def test_palette_with_transparency_becomes_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=bytes([0, 128]))
    expected = [[[10, 20, 30], [40, 50, 60]]]
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), expected)


def test_mask_keeps_defect_classes(tmp_path: Path) -> None:
    mask = np.array([[0, 253], [254, 255]], dtype=np.uint8)
    write_png(tmp_path / "m.png", mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)


def test_one_bit_mask_is_read(tmp_path: Path) -> None:
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), [[0, 255]])


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}])
def test_points_arrive_unchanged(tmp_path: Path, options: dict[str, str]) -> None:
    tifffile.imwrite(tmp_path / "p.tiff", POINTS, photometric="rgb", **options)
    points = read_points(tmp_path / "p.tiff")
    assert points.dtype == np.dtype(np.float32)
    np.testing.assert_array_equal(points, POINTS)


@pytest.mark.parametrize("read", [read_rgb, read_mask, read_points])
def test_missing_file(tmp_path: Path, read) -> None:
    with pytest.raises(DataError, match=r"no\.png does not exist"):
        read(tmp_path / "no.png")


@pytest.mark.parametrize(
    "content", [b"", b"hello, this is no image at all", b"II*\0" + b"\xff" * 40]
)
def test_foreign_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a PNG"):
        read_rgb(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_points(path)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_truncated_png(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "a.png"
    write_png(path, RGB)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match="cannot be read"):
        read_rgb(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_truncated_tiff(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "p.tiff"
    tifffile.imwrite(path, POINTS, photometric="rgb", compression=compression)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="truncated"):
        read_points(path)


def test_huge_png_is_refused_by_its_header(tmp_path: Path) -> None:
    path = png_header(tmp_path / "a.png", 60000, 60000)
    with pytest.raises(DataError, match=r"a\.png claims 60000 x 60000 pixels"):
        read_rgb(path)
    with pytest.raises(DataError, match="claims 60000 x 60000"):
        read_mask(path)


def test_huge_tiff_is_refused_by_its_header(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="claims 60000 x 8 pixels"):
        read_points(tiff_header(tmp_path / "p.tiff", 8, 60000))


def test_tiff_that_claims_more_than_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="truncated"):
        read_points(tiff_header(tmp_path / "p.tiff", 4000, 4000))


def test_sixteen_bit_png(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="16 bits a channel: save it as an 8-bit PNG"):
        read_rgb(tmp_path / "a.png")


def test_colour_mask(tmp_path: Path) -> None:
    write_png(tmp_path / "m.png", RGB)
    with pytest.raises(DataError, match=r"m\.png is RGB: save the mask as a greyscale"):
        read_mask(tmp_path / "m.png")


@pytest.mark.parametrize("planar", ["pages", "planes"])
def test_planar_points(tmp_path: Path, planar: str) -> None:
    how = {"pages": {"photometric": "minisblack"}, "planes": {"photometric": "rgb"}}[planar]
    tifffile.imwrite(tmp_path / "p.tiff", np.moveaxis(POINTS, -1, 0).copy(), **how)
    with pytest.raises(DataError, match=r"planar, shape \(3, 20, 30\).*\(20, 30, 3\)"):
        read_points(tmp_path / "p.tiff")


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_wrong_number_of_channels(tmp_path: Path, channels: int) -> None:
    points = np.zeros((20, 30, channels), np.float32)
    contiguous = {"planarconfig": "contig"} if channels > 1 else {}
    tifffile.imwrite(tmp_path / "p.tiff", points, photometric="minisblack", **contiguous)
    with pytest.raises(DataError, match="save one TIFF page of shape"):
        read_points(tmp_path / "p.tiff")


@pytest.mark.parametrize("dtype", ["float64", "uint16", "float16"])
def test_wrong_dtype(tmp_path: Path, dtype: str) -> None:
    tifffile.imwrite(tmp_path / "p.tiff", POINTS.astype(dtype), photometric="rgb")
    with pytest.raises(DataError, match=f"is {dtype}: save the point map as float32"):
        read_points(tmp_path / "p.tiff")


def test_points_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[0, 0] = np.nan
    points[1, 1, 2] = np.inf
    write_points(tmp_path / "p.tiff", points)
    with pytest.raises(DataError, match="has 2 points with NaN or Inf"):
        read_points(tmp_path / "p.tiff")


def test_millimetres(tmp_path: Path) -> None:
    write_points(tmp_path / "p.tiff", POINTS * 1000)
    with pytest.raises(DataError, match="divide by 1000 if they are millimetres"):
        read_points(tmp_path / "p.tiff")


def test_modalities_of_different_sizes(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB[:-1])
    write_points(tmp_path / "p.tiff", POINTS)
    with pytest.raises(DataError, match=r"p\.tiff is 20 x 30 pixels but .*a\.png is 19 x 30"):
        read_raw_scan(tmp_path / "a.png", tmp_path / "p.tiff")


def test_mask_of_another_size(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB)
    write_points(tmp_path / "p.tiff", POINTS)
    write_png(tmp_path / "m.png", RGB[:, :-1, 0])
    with pytest.raises(DataError, match=r"m\.png is 20 x 29 pixels but"):
        read_raw_scan(tmp_path / "a.png", tmp_path / "p.tiff", tmp_path / "m.png")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), tiff=st.booleans())
def test_damaged_byte_is_refused_or_read(
    tmp_path: Path, where: float, flip: int, tiff: bool
) -> None:
    """Whatever byte is wrong: an array of the right kind or a DataError, nothing else."""
    path = tmp_path / ("p.tiff" if tiff else "a.png")
    write_points(path, POINTS[:4, :4]) if tiff else write_png(path, RGB[:4, :4])
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= flip
    path.write_bytes(content)
    try:
        array = read_points(path) if tiff else read_rgb(path)
    except DataError:
        return
    assert array.shape[2] == 3
