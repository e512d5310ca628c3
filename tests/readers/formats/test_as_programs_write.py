"""Files as other programs write them: each is read as what it means, or its refusal says why."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.camera import Camera
from mentor3ad.readers.formats.geometry import read_geometry
from mentor3ad.readers.images import read_points
from testbed.raw_files import write_pcd
from tests.readers.formats.hostile import MAP, POINTS, XYZ, ply, refused

CAMERA = Camera(10.0, 10.0, 1.5, 1.0, 4, 3)


# PCD


def padded_pcd(path: Path, storage: str, padding: int) -> Path:
    """x y z and `padding` bytes of a field _ after them, of 12 points in 3 rows."""
    header = {"FIELDS": "x y z _", "SIZE": "4 4 4 1", "TYPE": "F F F U"}
    header |= {"COUNT": f"1 1 1 {padding}"}
    write_pcd(path, POINTS, storage, (3, 4), **header)
    head = path.read_bytes().partition(f"DATA {storage}\n".encode())
    rows = np.zeros(12, [("xyz", "<f4", 3), ("_", "u1", padding)])
    rows["xyz"] = POINTS
    text = "".join(" ".join(map(str, [*p, *[0] * padding])) + "\n" for p in POINTS).encode()
    path.write_bytes(head[0] + head[1] + (text if storage == "ascii" else rows.tobytes()))
    return path


@pytest.mark.parametrize("storage", ["ascii", "binary"])
@pytest.mark.parametrize("padding", [0, 3])
def test_padding_of_a_pcd_takes_as_many_bytes_as_its_count(
    tmp_path: Path, storage: str, padding: int
) -> None:
    found = read_geometry(padded_pcd(tmp_path / "p.pcd", storage, padding))
    np.testing.assert_array_equal(found, MAP)


def stored_pcd(path: Path) -> Path:
    """binary_compressed with a block that is stored as it is: both sizes are equal."""
    plain = {"FIELDS": "x y z", "COUNT": "1 1 1", "SIZE": "4 4 4", "TYPE": "F F F"}
    write_pcd(path, POINTS, "binary_compressed", (3, 4), **plain)
    head, data, _ = path.read_bytes().partition(b"DATA binary_compressed\n")
    block = POINTS.T.tobytes()
    path.write_bytes(head + data + struct.pack("<II", len(block), len(block)) + block)
    return path


def test_stored_block_of_a_compressed_pcd(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_geometry(stored_pcd(tmp_path / "p.pcd")), MAP)


def test_stored_block_that_is_cut_short(tmp_path: Path) -> None:
    path = stored_pcd(tmp_path / "p.pcd")
    path.write_bytes(path.read_bytes()[:-1])
    refused(path, "is truncated")


# Text


def ascii_ply(path: Path, first: str) -> Path:
    """The points of `POINTS` in 3 rows, the first of them as text."""
    rows = [first, *(f"{x} {y} {z}" for x, y, z in POINTS[1:])]
    lines = ("comment width 4", "comment height 3", "element vertex 12", *XYZ)
    return ply(path, *lines, form="ascii", body="\n".join(rows).encode())


@pytest.mark.parametrize(
    "word",
    ["nan", "-nan", "NaN", "-1.#IND", "1.#QNAN", "-1.#IND0", "1.#SNAN00", "-nan(ind)", "nan(snan)"],
)
def test_every_spelling_of_nan_is_no_return(tmp_path: Path, word: str) -> None:
    expected = MAP.copy()
    expected[0, 0] = 0
    path = ascii_ply(tmp_path / "p.ply", f"{word} {word} {word}")
    np.testing.assert_array_equal(read_geometry(path), expected)


@pytest.mark.parametrize("word", ["1.#INF", "-1.#INF00", "inf"])
def test_every_spelling_of_infinity_is_no_return(tmp_path: Path, word: str) -> None:
    found = read_geometry(ascii_ply(tmp_path / "p.ply", f"0.25 0.25 {word}"))
    assert not found[0, 0].any()
    np.testing.assert_array_equal(found.reshape(12, 3)[1:], POINTS[1:])


@pytest.mark.parametrize("line", ["0,25 0,25 0,5", "0.25,0.25,0.5"])
def test_commas_are_said_to_be_at_fault(tmp_path: Path, line: str) -> None:
    path = ascii_ply(tmp_path / "p.ply", line)
    refused(path, r"has a comma in the number '0[.,]25.*: save it with decimal points")


# Lists of points in NPY and NPZ


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_list_of_points_is_projected_as_a_cloud_is(tmp_path: Path, suffix: str) -> None:
    z = np.float32(0.5)
    grid = np.array(
        [[((u - 1.5) / 10 * z, (v - 1) / 10 * z, z) for u in range(4)] for v in range(3)]
    )
    path, points = tmp_path / f"p.{suffix}", grid.reshape(12, 3).astype(np.float32)
    np.save(path, points[::-1]) if suffix == "npy" else np.savez(path, points=points[::-1])
    found = read_geometry(path, camera=CAMERA)
    np.testing.assert_array_equal(found, grid.astype(np.float32))


def test_a_list_of_points_without_a_camera(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", POINTS)
    with pytest.raises(DataError, match=r"cloud, a list of 12 points without rows and columns"):
        read_geometry(tmp_path / "p.npy")


# TIFF with the floating-point predictor


def predicted(rows: NDArray[np.float32]) -> bytes:
    """Bytes of (H, W, C) floats as the predictor stores them, before Deflate."""
    height, channels = len(rows), rows.shape[-1]
    out = bytearray()
    for row in rows.astype(">f4").reshape(height, -1):
        number = row.tobytes()
        planes = b"".join(number[i::4] for i in range(4))
        before = bytes(channels) + planes[:-channels]
        out += bytes((a - b) % 256 for a, b in zip(planes, before, strict=True))
    return bytes(out)


def predictor_tiff(path: Path, points: NDArray[np.float32], rows_per_strip: int) -> Path:
    """An XYZ TIFF with Predictor 3 and Deflate, in strips."""
    height, width, _ = points.shape
    strips = [
        zlib.compress(predicted(points[y : y + rows_per_strip]))
        for y in range(0, height, rows_per_strip)
    ]
    n = len(strips)
    tables = 8 + sum(map(len, strips))
    offsets = np.cumsum([8, *map(len, strips)])[:-1]
    bits, at, sizes = tables, tables + 6, tables + 6 + 4 * n
    formats, directory = sizes + 4 * n, sizes + 4 * n + 6
    tags: list[tuple[int, int, int, int]] = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, bits),
        (259, 3, 1, 8),
        (262, 3, 1, 2),
        (273, 4, n, at if n > 1 else int(offsets[0])),
        (277, 3, 1, 3),
        (278, 4, 1, rows_per_strip),
        (279, 4, n, sizes if n > 1 else len(strips[0])),
        (284, 3, 1, 1),
        (317, 3, 1, 3),
        (339, 3, 3, formats),
    ]
    content = b"II*\0" + struct.pack("<I", directory) + b"".join(strips)
    content += struct.pack("<3H", 32, 32, 32)
    content += struct.pack(f"<{n}I", *offsets) + struct.pack(f"<{n}I", *map(len, strips))
    content += struct.pack("<3H", 3, 3, 3) + struct.pack("<H", len(tags))
    content += b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("rows_per_strip", [1, 2, 3])
def test_xyz_with_the_floating_point_predictor(tmp_path: Path, rows_per_strip: int) -> None:
    path = predictor_tiff(tmp_path / "p.tif", MAP, rows_per_strip)
    np.testing.assert_array_equal(read_geometry(path), MAP)
    np.testing.assert_array_equal(read_points(path), MAP)


def test_depth_as_libtiff_writes_the_predictor(tmp_path: Path) -> None:
    depth = np.ascontiguousarray(MAP[..., 2])
    options: dict[str, Any] = {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 3}}
    Image.fromarray(depth).save(tmp_path / "p.tif", **options)
    with tifffile.TiffFile(tmp_path / "p.tif") as tiff:
        assert tiff.pages.first.predictor == 3
    found = read_geometry(tmp_path / "p.tif", camera=CAMERA)
    np.testing.assert_array_equal(found[..., 2], depth)


def test_a_predicted_strip_of_another_size(tmp_path: Path) -> None:
    path = predictor_tiff(tmp_path / "p.tif", MAP, 3)
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack("<HHII", 257, 4, 1, 3)) + 8] = 2  # rows
    path.write_bytes(content)
    refused(path, "cannot be read|inflates to more")
