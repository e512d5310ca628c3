"""Between pixels and points, by a pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .camera import Camera
from .distortion import distort, undistort


def back_project(depth: NDArray[Any], camera: Camera) -> NDArray[np.float64]:
    """(H, W, 3) point of each pixel from its depth along the optical axis, in the depth's unit."""
    z = depth.astype(np.float64)  # (H, W)
    if camera.distortion is not None:
        return rays(camera) * z[..., None]
    u, v = np.arange(camera.width), np.arange(camera.height)[:, None]
    return np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=-1)


@lru_cache(maxsize=4)  # the same for all scans of a category
def rays(camera: Camera) -> NDArray[np.float64]:
    """(H, W, 3) point of each pixel at depth 1; NaN where the lens shows no direction."""
    u, v = np.arange(camera.width), np.arange(camera.height)
    x, y = np.meshgrid((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy)
    if camera.distortion is not None:
        x, y = undistort(x, y, camera.distortion)
    found = np.stack([x, y, np.ones_like(x)], axis=-1)
    found.setflags(write=False)
    return found


def image_of(
    points: NDArray[Any], camera: Camera
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column and row, (...) float64 pixels, of (..., 3) points in the camera's frame.

    Not finite where the camera shows no such point: one behind it, or beyond its lens.
    """
    x, y, z = np.moveaxis(points.astype(np.float64), -1, 0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        z = np.where(z > 0, z, np.nan)
        if camera.distortion is None:  # in this order: its rounding is what decides a pixel
            return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
        at = distort(x / z, y / z, camera.distortion)
        return camera.fx * at[0] + camera.cx, camera.fy * at[1] + camera.cy


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
    z = points[:, 2].astype(np.float64)
    column, row = (np.floor(places + 0.5) for places in image_of(points, camera))
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
