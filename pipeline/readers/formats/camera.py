"""The pinhole camera of depth images and of clouds that have no pixels yet."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from .checks import MAX_SIDE
from .keys import Finite, Positive

_RIGID_TOLERANCE = 1e-3  # what four printed decimals leave of a rotation


def _as_tuples(value: Any) -> Any:
    """As YAML and JSON know no tuples; no deeper than a matrix, as YAML's aliases have no end."""
    if not isinstance(value, list):
        return value
    return tuple(tuple(row) if isinstance(row, list) else row for row in value)


def _whole(value: Any) -> Any:
    """Turn 640.0, as programs without integers write it, into 640."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Side = Annotated[int, Field(ge=1, le=MAX_SIDE), BeforeValidator(_whole)]
Pose = tuple[tuple[float, ...], ...]


def _check_rigid(pose: Pose) -> Pose:
    if [len(row) for row in pose] != [4] * 4 or pose[3] != (0, 0, 0, 1):
        raise ValueError("must be four rows of four numbers, the last row 0, 0, 0, 1")
    rotation = np.array(pose)[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if not off <= _RIGID_TOLERANCE or np.linalg.det(rotation) < 0:
        raise ValueError("must be rigid: a rotation without scale or mirror, and a translation")
    return pose


def _check_five(coefficients: tuple[float, ...]) -> tuple[float, ...]:
    if len(coefficients) not in (4, 5):
        raise ValueError("must be k1, k2, p1, p2, k3 of OpenCV's model, or the first four")
    return (*coefficients, 0.0)[:5]


RigidPose = Annotated[
    tuple[tuple[Finite, ...], ...], BeforeValidator(_as_tuples), AfterValidator(_check_rigid)
]
Distortion = Annotated[tuple[Finite, ...], BeforeValidator(_as_tuples), AfterValidator(_check_five)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Camera:
    """A pinhole camera and its lens; x to the right, y down, z into the scene.

    Attributes:
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels; the centre of pixel (0, 0) is (0, 0).
        width, height: size of the image in pixels.
        pose: 4 x 4 camera-from-cloud, a rotation and a translation in the unit of the cloud, for
            unorganised clouds; None where the cloud is in the camera's frame.
        depth_scale: how many `units` of `read_geometry` one integer count of a depth image is; None
            is one. Depth in floats is in `units` and not scaled.
        distortion: k1, k2, p1, p2, k3 of OpenCV's model (the last may be left out); None: none.

    Raises:
        pydantic.ValidationError: built from values that no camera has; `build` names the file.
    """

    fx: Positive
    fy: Positive
    cx: Finite
    cy: Finite
    width: Side
    height: Side
    pose: RigidPose | None = None
    depth_scale: Positive | None = None
    distortion: Distortion | None = None
