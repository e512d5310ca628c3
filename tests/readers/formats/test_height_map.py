"""Height maps become points in a camera's frame: nothing is lost, whatever a height's sign."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.calibration import load_calibration
from mentor3ad.readers.formats.geometry import read_geometry
from mentor3ad.readers.formats.height_map import HeightMap
from testbed.raw_files import png_bytes, write_coloured_ply

COUNTS = np.array([[0, 1, 40000, 3], [65535, 100, 200, 4], [7, 8, 9, 5]], np.uint16)
SCALES = HeightMap(pitch_x=0.3, pitch_y=0.5, z_scale=0.003, z_offset=-60.0, invalid=65535)


def expected(heights: Any, pitch: tuple[float, float], unit: float, stand_off: float) -> Any:
    """(H, W, 3) by a loop; NaN is no return."""
    points = np.zeros((*heights.shape, 3))
    height, width = heights.shape
    for v, u in np.ndindex(height, width):
        if not np.isnan(heights[v, u]):
            x, y = (u - (width - 1) / 2) * pitch[0], (v - (height - 1) / 2) * pitch[1]
            points[v, u] = x * unit, y * unit, stand_off - heights[v, u] * unit
    return points


def write(path: Path, values: Any) -> Path:
    if path.suffix == ".png":
        path.write_bytes(png_bytes(values[..., None], 0))
    elif path.suffix == ".tiff":
        tifffile.imwrite(path, values)
    elif path.suffix == ".npy":
        np.save(path, values)
    else:
        np.savetxt(path, values, fmt="%.17g", delimiter=",")
    return path


@pytest.mark.parametrize("suffix", ["png", "tiff", "npy", "csv"])
def test_counts_of_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"h.{suffix}", COUNTS)
    heights = np.where(COUNTS == 65535, np.nan, COUNTS * 0.003 - 60)
    points = read_geometry(path, units="mm", camera=SCALES)
    np.testing.assert_allclose(points, expected(heights, (0.3, 0.5), 0.001, 1.0), atol=1e-7)
    assert (points[..., 2] > 0).sum() == 11


def test_signed_counts_and_their_usual_invalid_value(tmp_path: Path) -> None:
    path = write(tmp_path / "h.tiff", np.array([[-32768, -5], [0, 5]], np.int16))
    scales = HeightMap(pitch_x=1.0, pitch_y=1.0, invalid=-32768, stand_off=10.0)
    points = read_geometry(path, units="mm", camera=scales)
    np.testing.assert_allclose(points[..., 2], [[0, 0.015], [0.01, 0.005]], atol=1e-7)


@pytest.mark.parametrize("suffix", ["tiff", "npy", "csv"])
def test_a_fraction_that_means_no_return(tmp_path: Path, suffix: str) -> None:
    heights = np.array([[0.5, -99999.9999], [np.nan, -0.5]], np.float32)
    scales = HeightMap(pitch_x=1.0, pitch_y=1.0, invalid=-99999.9999)
    if suffix == "csv":
        (tmp_path / "h.csv").write_text("0.5;-99999.9999\n;-0.5\n")
    else:
        write(tmp_path / f"h.{suffix}", heights)
    points = read_geometry(tmp_path / f"h.{suffix}", units="mm", camera=scales)
    assert points.any(axis=-1).tolist() == [[True, False], [False, True]]


def test_a_height_of_zero_in_the_middle_is_a_point_with_three_coordinates(tmp_path: Path) -> None:
    """Foreground is where no coordinate is zero: the middle row and column must not be lost."""
    path = write(tmp_path / "h.npy", np.zeros((3, 5)))
    points = read_geometry(path, camera=HeightMap(pitch_x=0.001, pitch_y=0.001))
    assert points.all()
    np.testing.assert_allclose(points[1, 2], [0, 0, 1], atol=2e-9)


def test_negative_scale_is_depth(tmp_path: Path) -> None:
    path = write(tmp_path / "h.npy", np.array([[0.3, 0.4]]))
    scales = HeightMap(pitch_x=0.001, pitch_y=0.001, z_scale=-1.0, stand_off=0.25)
    points = read_geometry(path, camera=scales)
    np.testing.assert_allclose(points[0, :, 2], [0.55, 0.65], atol=1e-7)


# Clouds that are organised already, in a frame whose z rises towards the sensor


def cloud(zeros: int) -> Any:
    points = np.stack([*np.mgrid[1:4, 1:4], np.arange(-4.0, 5).reshape(3, 3)], axis=-1)
    points.reshape(-1, 3)[:zeros] = 0
    return points.astype(np.float32)


def test_cloud_with_z_below_zero(tmp_path: Path) -> None:
    write(tmp_path / "c.npy", cloud(0))
    with pytest.raises(DataError, match=r"5 points with z <= 0: .*need heightmap\.yaml"):
        read_geometry(tmp_path / "c.npy", units="mm")
    points = read_geometry(tmp_path / "c.npy", units="mm", camera=HeightMap(stand_off=500.0))
    np.testing.assert_allclose(points[..., :2], cloud(0)[..., :2] / 1000)
    np.testing.assert_allclose(points[..., 2], 0.5 - cloud(0)[..., 2] / 1000, atol=1e-7)


@pytest.mark.parametrize(("zeros", "returns"), [(1, 9), (2, 7)])
def test_zeros_are_no_return_where_there_are_several(
    tmp_path: Path, zeros: int, returns: int
) -> None:
    path = write(tmp_path / "c.npy", cloud(zeros))
    points = read_geometry(path, units="mm", camera=HeightMap(stand_off=500.0))
    assert points.all(axis=-1).sum() == points.any(axis=-1).sum() == returns


def test_cloud_with_colours(tmp_path: Path) -> None:
    rgb = np.zeros((3, 3, 3), np.uint8)
    path = write_coloured_ply(tmp_path / "c.ply", cloud(0), rgb)
    points = read_geometry(path, units="mm", camera=HeightMap(stand_off=500.0))
    np.testing.assert_allclose(points[..., 2], 0.5 - cloud(0)[..., 2] / 1000, atol=1e-7)


# Refusals


@pytest.mark.parametrize(
    ("scales", "match"),
    [
        (HeightMap(stand_off=1.0), "give pitch_x and pitch_y"),
        (
            HeightMap(pitch_x=1.0, pitch_y=1.0, stand_off=50.0),
            "2 heights of 50 or more, up to 2000",
        ),
        (HeightMap(pitch_x=1.0, pitch_y=1.0, z_scale=1e9), "coordinates up to 2e.09 m"),
        (HeightMap(pitch_x=1e200, pitch_y=1.0), "coordinates up to 1.5e.197 m"),
    ],
)
def test_scales_that_do_not_fit(tmp_path: Path, scales: HeightMap, match: str) -> None:
    path = write(tmp_path / "h.npy", np.array([[1.0, 2000.0, 60.0, 3.0]]))
    with pytest.raises(DataError, match=rf"h\.npy .*{match}"):
        read_geometry(path, units="mm", camera=scales)


def test_height_map_without_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "h.tiff", COUNTS)
    with pytest.raises(DataError, match=r"h\.tiff is a depth image: .*or heightmap\.yaml"):
        read_geometry(path)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"pitch_x": 0}, "pitch_x: Input should be greater than 0"),
        ({"pitch_x": 1, "pitch_z": 1}, "pitch_z: Unexpected"),
        ({"z_scale": 0}, "z_scale: .*must not be 0"),
        ({"z_offset": float("inf")}, "z_offset: Input should be a finite"),
        ({"invalid": float("nan")}, "invalid: Input should be a finite"),
        ({"stand_off": "far"}, "stand_off: Input should be a valid number"),
        ({"pitch_x": 1, "fx": 500}, "fx: Unexpected"),
    ],
)
def test_what_is_no_height_maps_file(tmp_path: Path, keys: dict[str, Any], why: str) -> None:
    (tmp_path / "h.json").write_text(json.dumps(keys))
    with pytest.raises(DataError, match=rf"h\.json is no height map's file: {why}"):
        load_calibration(tmp_path / "h.json")


def test_file_of_a_height_map(tmp_path: Path) -> None:
    (tmp_path / "any.yaml").write_text(
        "pitch_x: 0.3\npitch_y: 0.5\nz_scale: 3e-3\nz_offset: -60\ninvalid: 65535\n"
    )
    assert load_calibration(tmp_path / "any.yaml") == SCALES
