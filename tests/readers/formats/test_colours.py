"""Colours that a cloud brings of its own, in every form that PLY and PCD keep them."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.geometry import Camera, has_colour, read_organised
from testbed.raw_files import (
    PCD_STORAGES,
    write_coloured_pcd,
    write_coloured_ply,
    write_pcd,
    write_ply,
)
from tests.readers.formats.hostile import FORMS, MAP, XYZ, ply, range_grid

RGB = np.random.default_rng(1).integers(0, 256, (3, 4, 3), dtype=np.uint8)
FIELDS = ("element vertex 12", *XYZ)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [("red", "green", "blue"), ("diffuse_red", "diffuse_green",
                                                               "diffuse_blue")])  # fmt: skip
def test_ply(tmp_path: Path, form: str, names: tuple[str, str, str]) -> None:
    path = write_coloured_ply(tmp_path / "p.ply", MAP, RGB, form, names)
    assert has_colour(path)
    seen = read_organised(path)
    np.testing.assert_array_equal(seen.rgb, RGB)
    np.testing.assert_array_equal(seen.points, MAP)


@pytest.mark.parametrize("form", FORMS)
def test_ply_of_16_bits(tmp_path: Path, form: str) -> None:
    path = write_coloured_ply(tmp_path / "p.ply", MAP, RGB.astype(np.uint16) * 257, form)
    np.testing.assert_array_equal(read_organised(path).rgb, RGB)


@pytest.mark.parametrize("storage", PCD_STORAGES)
@pytest.mark.parametrize("name", ["rgb", "rgba"])
@pytest.mark.parametrize(
    ("kind", "alpha"), [("F", 0), ("F", 255), ("U", 0), ("U", 255), ("I", 0), ("I", 255)]
)
def test_pcd(tmp_path: Path, storage: str, name: str, kind: str, alpha: int) -> None:
    if (storage, kind) == ("ascii", "F"):
        alpha = 0  # else the text is nan, and the colour was lost as it was written
    path = write_coloured_pcd(tmp_path / "p.pcd", MAP, RGB, storage, name, kind, alpha)
    assert has_colour(path)
    seen = read_organised(path)
    np.testing.assert_array_equal(seen.rgb, RGB)
    np.testing.assert_array_equal(seen.points, MAP)


def test_unorganised_cloud_takes_its_colours_along(tmp_path: Path) -> None:
    """Three points, two of them on one pixel; the nearer one's colour is seen."""
    points = np.array([[[0, 0, 0.75], [0, 0, 0.5], [0.5, 0, 0.5], [np.nan, 0, 0]]], np.float32)
    rgb = np.array([[[9, 9, 9], [1, 2, 3], [4, 5, 6], [7, 7, 7]]], np.uint8)
    path = write_coloured_pcd(tmp_path / "p.pcd", points, rgb)  # of one row: unorganised
    seen = read_organised(path, camera=Camera(2.0, 2.0, 0.0, 0.0, 3, 1))
    np.testing.assert_array_equal(seen.rgb, [[[1, 2, 3], [0, 0, 0], [4, 5, 6]]])
    np.testing.assert_array_equal(seen.points[0, :, 2], np.float32([0.5, 0, 0.5]))


def test_range_grid_is_black_where_it_is_empty(tmp_path: Path) -> None:
    lines = ("obj_info num_cols 2", "obj_info num_rows 1", "element vertex 1", *XYZ)
    lines += tuple(f"property uchar {name}" for name in ("red", "green", "blue"))
    lines += ("element range_grid 2", "property list uchar int vertex_indices")
    path = ply(tmp_path / "p.ply", *lines, form="ascii", body=b"0.1 0.2 0.3 7 8 9\n0\n1 0\n")
    np.testing.assert_array_equal(read_organised(path).rgb, [[[0, 0, 0], [7, 8, 9]]])


def test_clouds_without_colour(tmp_path: Path) -> None:
    points = MAP.reshape(-1, 3)
    grid = ("obj_info num_cols 4", "obj_info num_rows 3")
    paths = [
        write_ply(tmp_path / "red_alone.ply", points, lines=grid),
        write_pcd(tmp_path / "rgb_of_two_counts.pcd", points, grid=(3, 4)),
        range_grid(tmp_path / "grid.ply", [[1]] * 6, "ascii", (2, 3)),
    ]
    assert [has_colour(path) for path in paths] == [False] * 3
    assert [read_organised(path).rgb for path in paths] == [None] * 3


@pytest.mark.parametrize(
    "content", [b"", b"ply\nformat ascii 1.0\n", b"# .PCD\nDATA ascii\n", b"\x93NUMPY", b"ply"]
)
def test_damaged_header_has_no_colour(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.ply").write_bytes(content)
    assert not has_colour(tmp_path / "p.ply")


@pytest.mark.parametrize("form", FORMS)
def test_colours_cut_off(tmp_path: Path, form: str) -> None:
    path = write_coloured_ply(tmp_path / "p.ply", MAP, RGB, form)
    content = path.read_bytes()
    path.write_bytes(content.rpartition(b" ")[0] if form == "ascii" else content[:-1])
    with pytest.raises(DataError, match=r"p\.ply"):
        read_organised(path)


def test_text_that_is_no_colour_is_black_or_clipped(tmp_path: Path) -> None:
    colours = tuple(f"property uchar {name}" for name in ("red", "green", "blue"))
    lines = ("width 2", "height 1", "element vertex 2", *XYZ, *colours)
    body = b"0.1 0.2 0.3 nan 300 -5\n0.1 0.2 0.4 inf 1 2\n"
    path = ply(tmp_path / "p.ply", *lines, form="ascii", body=body)
    np.testing.assert_array_equal(read_organised(path).rgb, [[[0, 255, 0], [255, 1, 2]]])
