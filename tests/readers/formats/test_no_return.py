"""Finite numbers that stand for no return: dropped where named, refused where they are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from mentor3ad.plumbing.errors import DataError, NoReturnError
from mentor3ad.readers.formats.geometry import Camera, read_geometry
from mentor3ad.readers.formats.height_map import HeightMap
from mentor3ad.readers.images import read_points
from testbed.raw_files import png_bytes, write_pcd

SIDE = 24
CAMERA = Camera(fx=60.0, fy=60.0, cx=11.5, cy=11.5, width=SIDE, height=SIDE, depth_scale=0.0001)
GONE = np.zeros((SIDE, SIDE), dtype=bool)
GONE[:, :6] = True


def depth() -> Any:
    """(24, 24) float64 metres of a rough table at half a metre; no return in the first columns."""
    metres = 0.5 + np.random.default_rng(3).uniform(-0.002, 0.002, (SIDE, SIDE))
    return np.where(GONE, 0.0, metres)


def points() -> Any:
    """(24, 24, 3) float32 metres of the same; (0, 0, 0) in the first columns."""
    y, x = np.mgrid[:SIDE, :SIDE] * 0.001
    map_ = np.stack([x - 0.01, y - 0.01, depth()], axis=-1)
    return np.where(GONE[..., None], 0, map_).astype(np.float32)


def counts(value: int) -> Any:
    """Depth in counts of 0.1 mm, with `value` where there is no return."""
    return np.where(GONE, value, np.rint(depth() * 10000)).astype(np.uint16)


def write_tiff(path: Path, values: Any, **tags: Any) -> Path:
    tifffile.imwrite(path, values, photometric="minisblack" if values.ndim == 2 else "rgb", **tags)
    return path


def write_depth(path: Path, values: Any) -> Path:
    path.write_bytes(png_bytes(values, 0))
    return path


def test_counts_without_a_return_are_as_zeros(tmp_path: Path) -> None:
    zeros = read_geometry(write_depth(tmp_path / "zero.png", counts(0)), camera=CAMERA)
    path = write_depth(tmp_path / "most.png", counts(65535))
    named = read_geometry(path, camera=CAMERA, invalid=65535)
    np.testing.assert_array_equal(named, zeros)
    assert not zeros[GONE].any()
    assert zeros[~GONE].all()


@pytest.mark.parametrize("value", [65535, 30000])
def test_unnamed_counts_are_refused(tmp_path: Path, value: int) -> None:
    path = write_depth(tmp_path / "most.png", counts(value))
    with pytest.raises(
        NoReturnError, match=rf"most\.png has the depth {value} in 144 of 576 .*data\.invalid to"
    ):
        read_geometry(path, camera=CAMERA)


@pytest.mark.parametrize("value", [1e6, -1.0, -9999.0, 0.125])
@pytest.mark.parametrize("form", ["depth", "z", "all"])
def test_floats_that_are_no_depth(tmp_path: Path, value: float, form: str) -> None:
    """As depth, in z alone, and in all three coordinates."""
    values, camera = (depth().astype(np.float32), CAMERA) if form == "depth" else (points(), None)
    good = read_geometry(write_tiff(tmp_path / "good.tiff", values), camera=camera)
    if form == "z":
        y, x = np.mgrid[:SIDE, :SIDE] * 0.001
        values[..., 0], values[..., 1] = x - 0.01, y - 0.01
        values[GONE, 2] = value
    else:
        values[GONE] = value
    path = write_tiff(tmp_path / "a.tiff", values)
    with pytest.raises(NoReturnError, match=rf"depth {value} in 144 of 576"):
        read_geometry(path, camera=camera)
    named = read_geometry(path, camera=camera, invalid=value)
    np.testing.assert_array_equal(named, good)


def test_zero_in_z_alone(tmp_path: Path) -> None:
    values = points()
    values[GONE, 0] = 0.3
    path = write_tiff(tmp_path / "a.tiff", values)
    with pytest.raises(NoReturnError, match=r"set data\.invalid to 0\.0,"):
        read_geometry(path)
    np.testing.assert_array_equal(read_geometry(path, invalid=0.0), points())
    np.testing.assert_array_equal(read_points(path, 0.0), points())


def test_an_organised_cloud(tmp_path: Path) -> None:
    values = points()
    values[GONE] = -1
    path = write_pcd(tmp_path / "a.pcd", values.reshape(-1, 3), "binary", (SIDE, SIDE))
    with pytest.raises(NoReturnError, match=r"depth -1\.0 in 144"):
        read_geometry(path)
    np.testing.assert_array_equal(read_geometry(path, invalid=-1.0), points())


@pytest.mark.parametrize("text", ["-9999", "-9999.0"])
def test_the_files_own_key_is_used(tmp_path: Path, text: str) -> None:
    values = points()
    values[GONE] = -9999
    path = write_tiff(tmp_path / "a.tiff", values, extratags=[(42113, "s", 0, text, True)])
    np.testing.assert_array_equal(read_geometry(path), points())
    np.testing.assert_array_equal(read_points(path), points())


def test_the_param_goes_before_the_files_key(tmp_path: Path) -> None:
    values = points()
    values[GONE] = -1
    path = write_tiff(tmp_path / "a.tiff", values, extratags=[(42113, "s", 0, "-9999", True)])
    np.testing.assert_array_equal(read_geometry(path, invalid=-1.0), points())


def test_a_key_that_is_no_number(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tiff", points(), extratags=[(42113, "s", 0, "none", True)])
    with pytest.raises(DataError, match=r"a\.tiff has the no-data key 'none'"):
        read_geometry(path)


def test_mvtec_points_with_an_unnamed_number_are_refused(tmp_path: Path) -> None:
    values = points()
    values[GONE] = 1e6
    path = write_tiff(tmp_path / "a.tiff", values)
    with pytest.raises(NoReturnError, match=r"data\.invalid to 1000000\.0,"):
        read_points(path)
    np.testing.assert_array_equal(read_points(path, 1e6), points())


def test_a_flat_table_in_whole_counts_is_a_table(tmp_path: Path) -> None:
    """A depth in millimetres repeats in every pixel of a table, and is a depth all the same."""
    values = np.full((SIDE, SIDE), 500, dtype=np.uint16)
    values[8:16, 8:16] = 480
    camera = Camera(fx=60.0, fy=60.0, cx=11.5, cy=11.5, width=SIDE, height=SIDE)
    found = read_geometry(write_depth(tmp_path / "a.png", values), units="mm", camera=camera)
    np.testing.assert_allclose(found[..., 2], values / 1000, rtol=1e-6)


def test_a_few_equal_depths_are_chance(tmp_path: Path) -> None:
    values = points()
    values[0, :3] = 1.5
    assert read_geometry(write_tiff(tmp_path / "a.tiff", values))[0, 0, 2] == 1.5


def test_heights_are_called_heights_and_the_remedy_is_theirs(tmp_path: Path) -> None:
    path = write_depth(tmp_path / "h.png", counts(65535))
    scales = HeightMap(pitch_x=0.3, pitch_y=0.3, z_scale=0.001)
    message = r"has the height 65535 in 144 .*; set invalid: 65535 in heightmap\.yaml, or data\."
    with pytest.raises(NoReturnError, match=message):
        read_geometry(path, units="mm", camera=scales)
