"""Intrinsics as RealSense, OpenCV, ROS and Open3D write them, as the keys of our `Camera`.

Sources: librealsense, rs_types.h (`rs2_intrinsics`); OpenCV's FileStorage, as its calibration
samples use it; ROS, sensor_msgs/CameraInfo and the files of camera_calibration_parsers; Open3D,
`PinholeCameraIntrinsic`, whose matrix goes down its columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...plumbing.errors import DataError

_SIZES = {"image_width": "width", "image_height": "height"}
_MATRICES = ("camera_matrix", "Camera_Matrix", "K", "intrinsic_matrix")
_LENSES = ("distortion_coefficients", "Distortion_Coefficients", "dist_coeffs", "D", "coeffs")
_MODELS = ("distortion_model", "model")
_OWN_LENS = ("k1", "k2", "p1", "p2", "k3")
# What such files say beside, and what no point depends on.
_IDLE = (
    "avg_reprojection_error",
    "board_height",
    "board_width",
    "calibration_time",
    "camera_name",
    "projection_matrix",
    "rectification_matrix",
    "square_size",
)
_NO_LENS = ("none", "distortion.none")
_OPENCVS = ("plumb_bob", "brown_conrady", "distortion.brown_conrady")


def camera_keys(path: Path, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Our keys of a camera's file; those that are ours already, or nobody's, stay as they are.

    Raises:
        DataError: the matrix is no pinhole's, or the lens is of another model than OpenCV's with
            five coefficients.
    """
    content = {_SIZES.get(key, key): value for key, value in keys.items() if key not in _IDLE}
    for ours, theirs in (("cx", "ppx"), ("cy", "ppy")):
        if theirs in content:
            content[ours] = content.pop(theirs)
    for name in _MATRICES:
        if name in content:
            by_column = name == "intrinsic_matrix"
            content |= _pinhole(path, name, _numbers(path, name, content.pop(name)), by_column)
    lens = _lens(path, content)
    return content | ({"distortion": lens} if any(lens) else {})


def _pinhole(path: Path, name: str, values: list[Any], by_column: bool) -> dict[str, Any]:
    """fx, fy, cx and cy of a 3 x 3 matrix."""
    if len(values) != 9:
        raise DataError(f"{path} has {len(values)} numbers in {name}: write the nine of 3 x 3.")
    rows = [values[i::3] if by_column else values[3 * i : 3 * i + 3] for i in range(3)]
    (fx, skew, cx), (zero, fy, cy), last = rows
    if skew != 0 or zero != 0 or last != [0, 0, 1]:
        raise DataError(
            f"{path} has a {name} that is not fx 0 cx, 0 fy cy, 0 0 1: give a camera without skew."
        )
    return {"fx": fx, "fy": fy, "cx": cx, "cy": cy}


def _lens(path: Path, content: dict[str, Any]) -> list[Any]:
    """The five coefficients of the lens, taken out of the content; none where it has no lens."""
    model = next((str(content.pop(name)) for name in _MODELS if name in content), "plumb_bob")
    found = [_numbers(path, name, content.pop(name)) for name in _LENSES if name in content]
    own = [content.pop(name, 0) for name in _OWN_LENS]
    coefficients = next(iter(found), own)
    if not any(coefficients) or model.lower() in _NO_LENS:
        return []
    if model.lower() not in _OPENCVS or any(coefficients[5:]):
        raise DataError(
            f"{path} has a lens of the model {model} with {len(coefficients)} coefficients: only "
            "OpenCV's k1, k2, p1, p2, k3 is read; undistort the scans and give the camera after it."
        )
    return coefficients[:5]


def _numbers(path: Path, name: str, value: Any) -> list[Any]:
    """The numbers of a list, of a list of rows, or of what OpenCV and ROS put under `data`."""
    if isinstance(value, Mapping):
        value = value.get("data")
    rows = value if isinstance(value, list) else [value]
    flat = [x for row in rows for x in (row if isinstance(row, list) else [row])]
    if not all(isinstance(x, int | float) and math.isfinite(_float(x)) for x in flat):
        raise DataError(f"{path} has a {name} that is no list of numbers: write it again.")
    return flat


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf
