"""Orientations: a scan's files are turned together or not at all."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from mentor3ad.plumbing.errors import MismatchError
from mentor3ad.readers.formats.geometry import Camera, read_geometry
from mentor3ad.readers.formats.orientation import registered, turned, turned_back
from mentor3ad.readers.images import read_points

RGB = Path("a.png")
POINTS = Path("a.tiff")
MAP = np.random.default_rng(1).uniform(0.3, 0.5, (4, 6, 3)).astype(np.float32)
UPSIDE = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (-1, 0), 7: (-1, -1)}


@pytest.mark.parametrize("orientation", range(1, 8))
def test_the_first_pixel_comes_from_where_the_standard_says(orientation: int) -> None:
    """TIFF 6.0: row 0 and column 0 of what is stored are the top, bottom, left or right as seen."""
    np.testing.assert_array_equal(turned(MAP, orientation)[0, 0], MAP[UPSIDE[orientation]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_back_is_back(orientation: int) -> None:
    np.testing.assert_array_equal(turned_back(turned(MAP, orientation), orientation), MAP)


@pytest.mark.parametrize("orientation", [2, 3, 4, 6, 8])
def test_points_of_a_tiff_are_turned(tmp_path: Path, orientation: int) -> None:
    tags = [(274, 3, 1, orientation)]
    tifffile.imwrite(tmp_path / "a.tiff", MAP, photometric="rgb", extratags=tags)
    expected = turned(MAP, orientation)
    np.testing.assert_array_equal(read_geometry(tmp_path / "a.tiff"), expected)
    np.testing.assert_array_equal(read_points(tmp_path / "a.tiff"), expected)


def test_depth_is_turned_before_the_camera_sees_it(tmp_path: Path) -> None:
    tags = [(274, 3, 1, 6)]
    tifffile.imwrite(tmp_path / "a.tiff", MAP[..., 2], photometric="minisblack", extratags=tags)
    camera = Camera(fx=5.0, fy=5.0, cx=1.5, cy=2.5, width=4, height=6)
    found = read_geometry(tmp_path / "a.tiff", camera=camera)
    np.testing.assert_array_equal(found[..., 2], np.rot90(MAP[..., 2], -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_two_files_of_one_orientation_fit(orientation: int) -> None:
    image = turned(MAP, orientation)
    there = RGB, image.shape, orientation
    np.testing.assert_array_equal(registered(POINTS, image, orientation, *there), image)


def test_a_picture_alone_is_turned_where_its_size_fits_then() -> None:
    """6 x 4 once turned, as the points are."""
    points = turned(MAP, 6)
    np.testing.assert_array_equal(registered(POINTS, points, 1, RGB, (6, 4, 3), 6), points)


def test_points_go_with_a_picture_that_they_fit_as_stored() -> None:
    found = registered(POINTS, MAP, 1, RGB, (6, 4, 3), 6)
    np.testing.assert_array_equal(found, turned(MAP, 6))


@pytest.mark.parametrize(("own", "pictures"), [(1, 3), (4, 1), (2, 4)])
def test_what_sizes_cannot_tell_is_refused(own: int, pictures: int) -> None:
    with pytest.raises(MismatchError, match=rf"orientation {own} but a\.png has {pictures}: which"):
        registered(POINTS, MAP, own, RGB, MAP.shape, pictures)
