"""Tables of heights as text, as sensors export them and as they get damaged."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.readers.formats.geometry import read_geometry
from mentor3ad.readers.formats.height_map import HeightMap
from testbed.raw_files import write_gocator
from tests.readers.formats.hostile import refused

SCALES = HeightMap(pitch_x=1.0, pitch_y=1.0, stand_off=500.0)
HEIGHTS = np.array([[-31.5, 0.0, np.nan], [30.75, np.nan, 2.25]])


def heights(path: Path, scales: HeightMap = SCALES) -> np.ndarray:
    """(H, W) millimetres; NaN is no return."""
    points = read_geometry(path, units="mm", camera=scales)
    return np.where(points.any(axis=-1), np.round(500 - points[..., 2] * 1000.0, 3), np.nan)


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("latin-1"))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "-31.5,0,\n30.75,,2.25\n",
        "-31.5;0;\n30.75;;2.25\n",
        "-31,5;0,0;\n30,75;;2,25\n",
        "-31.5\t0\t\r\n30.75\t\t2.25",
        "-31,5\t0\t\n30,75\t\t2,25\n",
        "-31.5 0 nan\n30.75 -nan(ind) 2.25\n",
        "\xef\xbb\xbf-31.5,0,--\n 30.75,****,2.25 \n",
        "Sensor,X\xb5m\nWidth,3\nHeight,2\n\n-31.5,0,\n30.75,,2.25\n\n",
        "1,2\n3,4\nHeight\n-31.5,0,NaN\n30.75,,2.25\nEnd\n",
    ],
)
def test_table_in_every_dialect(tmp_path: Path, text: str) -> None:
    np.testing.assert_array_equal(heights(write(tmp_path / "h.csv", text)), HEIGHTS)


@pytest.mark.parametrize("descending", [False, True])
def test_gocator_brings_its_pitch_and_its_unit(tmp_path: Path, descending: bool) -> None:
    path = write_gocator(tmp_path / "h.csv", HEIGHTS, (0.3, 0.5), descending)
    for units in ("m", "mm"):
        points = read_geometry(path, units=units)
        assert points.any(axis=-1).tolist() == (~np.isnan(HEIGHTS)).tolist()
        np.testing.assert_allclose(points[0, 1] - points[0, 0], [3e-4, 0, -0.0315], atol=1e-7)
        np.testing.assert_allclose(points[1, 0] - points[0, 0], [0, 5e-4, -0.06225], atol=1e-7)


def test_gocator_with_the_scales_of_a_file(tmp_path: Path) -> None:
    path = write_gocator(tmp_path / "h.csv", HEIGHTS, (0.3, 0.5))
    scales = HeightMap(z_offset=1.0, stand_off=500.0, invalid=30.75)
    expected = HEIGHTS + 1
    expected[1, 0] = np.nan
    np.testing.assert_array_equal(heights(path, scales), expected)


def test_short_form_with_axes(tmp_path: Path) -> None:
    path = write(tmp_path / "h.csv", "y/x,1,2,3\n9,-31.5,0,\n8,30.75,,2.25\n")
    np.testing.assert_array_equal(heights(path), HEIGHTS)


# Hostile twins


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"is none of BAG, CSV"),
        ("\n\n", r"is none of BAG, CSV"),
        ("part,result\n7,OK\n8,NG\n", r"is none of PLY, PCD, CSV"),
        ("1\n2\n3\n", r"is none of PLY, PCD, CSV"),
        ("1,2,3\n4,5\n", r"2 cells in line 2 that are not the 3 numbers"),
        ("1,2,3\n4,5,6\n7,8,9x\n", r"3 cells in line 3 that are not the 3 numbers"),
        ("1,2,3\n4,5,6\n7,8,9\n7,8\0,9\n", r"not text of one byte a letter"),
        ("1,2\n" * 9193, r"lines or rows without end"),
        ("1,2\n" * 8193, r"claims 8193 x 2 pixels"),
        ("," * 8192 + "\n", r"claims 1 x 8193 pixels"),
        ("7" * 330000, r"lines or rows without end"),
        ("y/x,1,2,3\n9,1,2,3\n8,4,5,6\ny/x,1,2,3\n9,1,2,3\n8,4,5,6\n", r"has 2 height maps"),
        ("y/x,1,2,4\n9,1,2,3\n8,4,5,6\n", r"columns at uneven places"),
        ("y/x,1,2,3\n9,1,2,3\n9,4,5,6\n", r"rows at uneven places"),
        ("y/x,1,,3\n9,1,2,3\n8,4,5,6\n", r"no two places of a column"),
        ("y/x,1,2,3\n9,1,2,3\n", r"no two places of a row"),
        ("y/x,a,b,c\n9,1,2,3\n", r"places of columns that are no numbers"),
        ("1,1e400\n2,inf\n,1e300\n", r"coordinates up to 1e.300 m"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, match: str) -> None:
    refused(write(tmp_path / "h.csv", text), rf"h\.csv .*{match}", SCALES)


def test_gocator_that_ends_early(tmp_path: Path) -> None:
    content = write_gocator(tmp_path / "h.csv", np.zeros((4, 3)), (0.3, 0.5)).read_bytes()
    lines = content.splitlines(keepends=True)
    for kept in (-2, -3):  # without the last row; within it
        (tmp_path / "cut.csv").write_bytes(b"".join(lines[:kept]))
        refused(tmp_path / "cut.csv", r"cut\.csv is truncated", SCALES)
    (tmp_path / "cut.csv").write_bytes(b"".join(lines[:-2]) + lines[-2][:6])
    refused(tmp_path / "cut.csv", r"cut\.csv has 1 cells|cut\.csv is truncated", SCALES)
