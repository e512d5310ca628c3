"""Between pixels and points, by a pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .camera import Camera


def back_project(depth: NDArray[Any], camera: Camera) -> NDArray[np.float64]:
    """(H, W, 3) point of each pixel from its depth along the optical axis, in the depth's unit."""
    z = depth.astype(np.float64)  # (H, W)
    u, v = np.arange(camera.width), np.arange(camera.height)[:, None]
    return np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=-1)


def move(points: NDArray[Any], camera: Camera) -> NDArray[Any]:
    """(N, 3) points in the camera's frame."""
    if camera.pose is None:
        return points
    pose = np.array(camera.pose)  # (4, 4)
    with np.errstate(over="ignore", invalid="ignore"):
        return points.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]


@dataclass(frozen=True)
class Projection:
    """Which points of a cloud a camera sees, and where.

    Attributes:
        seen: (K,) indices of the cloud.
        pixel: (K,) flat index of the pixel that each falls on; none is there twice.
        size: (H, W) of the image.
    """

    seen: NDArray[np.int64]
    pixel: NDArray[np.int64]
    size: tuple[int, int]

    def image(self, values: NDArray[Any]) -> NDArray[Any]:
        """(H, W, C) of (N, C) values of the cloud's points; zeros where no point is seen."""
        image = np.zeros((self.size[0] * self.size[1], *values.shape[1:]), values.dtype)
        image[self.pixel] = values[self.seen]
        return image.reshape(*self.size, *values.shape[1:])


def project(path: Path, points: NDArray[Any], camera: Camera) -> Projection:
    """The projection of (N, 3) points in the camera's frame with z > 0.

    Each pixel sees the nearest of the points that fall on it, the first in the file of equally
    near ones. Points beside the image are left out.

    Raises:
        DataError: all points fall beside the image.
    """
    x, y, z = points.astype(np.float64).T
    with np.errstate(over="ignore", invalid="ignore"):
        column = np.floor(camera.fx * x / z + camera.cx + 0.5)
        row = np.floor(camera.fy * y / z + camera.cy + 0.5)
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    if not inside.any():
        raise DataError(
            f"{path} has no point in the camera's image: check the pose and the intrinsics."
        )
    seen = np.flatnonzero(inside)
    pixel = row[seen].astype(np.int64) * camera.width + column[seen].astype(np.int64)
    nearest = np.full(camera.height * camera.width, np.inf)
    np.minimum.at(nearest, pixel, z[seen])
    wins = z[seen] == nearest[pixel]
    pixel, first = np.unique(pixel[wins], return_index=True)
    return Projection(seen[wins][first], pixel, (camera.height, camera.width))
