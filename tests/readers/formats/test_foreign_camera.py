"""Intrinsics as other programs write them: the same camera from each."""

import json
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.calibration import load_calibration
from mentor3ad.readers.formats.camera import Camera

CAMERA = Camera(600.5, 601.0, 320.0, 240.25, 640, 480)
BENT = Camera(600.5, 601.0, 320.0, 240.25, 640, 480, distortion=(0.1, -0.2, 0.01, 0.02, 0.3))
ROWS = [600.5, 0, 320.0, 0, 601.0, 240.25, 0, 0, 1]
COLUMNS = [600.5, 0, 0, 0, 601.0, 0, 320.0, 240.25, 1]
FIVE = [0.1, -0.2, 0.01, 0.02, 0.3]
SIZE = {"image_width": 640, "image_height": 480}
REALSENSE = {"width": 640, "height": 480, "fx": 600.5, "fy": 601.0, "ppx": 320.0, "ppy": 240.25}

OPENCV = """%YAML:1.0
---
calibration_time: "Fri Jan  1 10:00:00 2027"
image_width: 640
image_height: 480
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 600.5, 0., 320., 0., 601., 240.25, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ LENS ]
avg_reprojection_error: 0.2
"""

ROS = """image_width: 640
image_height: 480
camera_name: left
camera_matrix: {rows: 3, cols: 3, data: [600.5, 0, 320.0, 0, 601.0, 240.25, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [LENS]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]}
"""


def written(tmp_path: Path, content: dict[str, Any]) -> Path:
    (tmp_path / "camera.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path / "camera.json"


@pytest.mark.parametrize(
    "content",
    [
        REALSENSE | {"model": "distortion.brown_conrady", "coeffs": [0.0] * 5},
        REALSENSE | {"model": "distortion.none", "coeffs": [0.0] * 5},
        REALSENSE | {"model": "distortion.inverse_brown_conrady", "coeffs": [0.0] * 5},
        {"width": 640, "height": 480, "intrinsic_matrix": COLUMNS},
        SIZE | {"K": ROWS, "D": [0.0] * 5, "distortion_model": "plumb_bob"},
        SIZE | {"camera_matrix": [ROWS[:3], ROWS[3:6], ROWS[6:]], "dist_coeffs": [[0.0] * 5]},
        {"fx": 600.5, "fy": 601, "cx": 320, "cy": 240.25, "width": 640.0, "height": 480.0},
    ],
)
def test_json_of_other_programs(tmp_path: Path, content: dict[str, Any]) -> None:
    assert load_calibration(written(tmp_path, content)) == CAMERA


@pytest.mark.parametrize("text", [OPENCV, ROS])
def test_yaml_of_opencv_and_ros(tmp_path: Path, text: str) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text.replace("LENS", "0., 0., 0., 0., 0."), encoding="utf-8")
    assert load_calibration(path) == CAMERA
    path.write_text(text.replace("LENS", ", ".join(map(str, FIVE))), encoding="utf-8")
    assert load_calibration(path) == BENT


@pytest.mark.parametrize(
    "lens",
    [
        {"model": "distortion.brown_conrady", "coeffs": FIVE},
        {"D": [*FIVE, 0, 0, 0], "distortion_model": "plumb_bob"},
        {"k1": 0.1, "k2": -0.2, "p1": 0.01, "p2": 0.02, "k3": 0.3},
    ],
)
def test_a_lens_of_opencvs_model_is_used(tmp_path: Path, lens: dict[str, Any]) -> None:
    assert load_calibration(written(tmp_path, REALSENSE | lens)) == BENT


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"camera.{suffix}"
    keys = {"fx": 600.5, "fy": 601, "cx": 320, "cy": 240.25, "width": 640, "height": 480}
    path.write_text(json.dumps(keys), encoding="utf-8-sig")
    assert load_calibration(path) == CAMERA


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"model": "distortion.inverse_brown_conrady", "coeffs": FIVE}, "a lens of the model"),
        ({"distortion_model": "equidistant", "D": [0.1, 0, 0, 0]}, "a lens of the model equi"),
        ({"D": [*FIVE, 0.1, 0, 0]}, "a lens of the model plumb_bob with 8 coefficients"),
        ({"K": ROWS[:8]}, "has 8 numbers in K"),
        ({"K": [600.5, 0.5, *ROWS[2:]]}, "not fx 0 cx, 0 fy cy, 0 0 1"),
        ({"K": ["a"] * 9}, "has a K that is no list of numbers"),
        ({"K": [10**400, *ROWS[1:]]}, "it holds an integer of 401 digits"),
        ({"K": {"rows": 3}}, "has a K that is no list of numbers"),
        ({"width": 640.5}, "width: Input should be a valid integer"),
        ({"fx": ...}, "fx: Field required"),
        ({"serial": 7}, "serial: Unexpected keyword"),
    ],
)
def test_what_is_no_such_camera(tmp_path: Path, content: dict[str, Any], why: str) -> None:
    keys = {key: value for key, value in (REALSENSE | content).items() if value is not ...}
    with pytest.raises(DataError, match=why) as error:
        load_calibration(written(tmp_path, keys))
    assert "\n" not in str(error.value)
