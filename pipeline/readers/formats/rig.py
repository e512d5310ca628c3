"""A colour camera beside a depth camera: its image is brought onto the depth camera's pixels.

The depth camera's grid is kept, as its points then stay measured ones. What the colour camera does
not see, because something nearer hides it or because it lies beside its image, has no return:
its colour would be that of something else.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from ...dataset.grid import has_return
from ...plumbing.errors import DataError, MismatchError
from .camera import Camera, RigidPose
from .pinhole import image_of, rays

# How far a point may lie behind its neighbours and still be of one surface with them, in widths of
# a depth pixel there: surfaces may slant by 70 degrees. A step of that height hides less than half
# a pixel where the cameras are a tenth of the distance apart.
_ONE_SURFACE = 4.0
_MOST_CELLS = 2.0  # of the z-buffer, a pixel of the colour camera


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Rig:
    """Two cameras that are fixed to each other.

    Attributes:
        depth, color: their intrinsics; a pose of theirs is not used.
        color_from_depth: 4 x 4, a rotation and a translation in the unit of the data set.
    """

    depth: Camera
    color: Camera
    color_from_depth: RigidPose


@dataclasses.dataclass(frozen=True)
class _View:
    """Where the colour camera shows each depth pixel: pixels, (H, W) float64, NaN for nowhere."""

    u: NDArray[np.float64]
    v: NDArray[np.float64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        return np.isfinite(self.u)


def register(
    rig: Rig,
    points: NDArray[np.float32],
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8] | None,
    unit_m: float,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Points, colours and mask on the depth camera's pixels.

    Colours are interpolated between four pixels, classes of the mask are picked. A pixel without a
    return takes the colour that a point at the scan's median depth would have, and black where the
    colour camera does not look: its points are unknown and nothing rates it.

    Args:
        points: (H, W, 3) metres, depth camera's frame.
        image: (H', W', 3) of the colour camera.
        mask: (H', W') drawn on the image, or (H, W), which stays as it is.
        unit_m: metres of the unit of the rig's translation.
    """
    returned = has_return(points)
    moved = _move(rig, _with_median_depth(rig, points, returned), unit_m)
    view = _look(rig.color, moved)
    seen = returned & view.inside & ~_is_hidden(rig, view, moved[..., 2], returned)
    kept = np.where(seen[..., None], points, np.float32(0))
    if mask is not None and mask.shape == image.shape[:2]:
        mask = _pick(mask, view)
    return kept, _interpolate(image, view), mask


def check_image(path: Path, shape: tuple[int, ...], camera: Camera) -> None:
    """Raises MismatchError unless an image of (H, W, ...) has its camera's size."""
    if shape[:2] != (camera.height, camera.width):
        raise MismatchError(
            f"{path} is {shape[0]} x {shape[1]} pixels but its camera has {camera.height} x "
            f"{camera.width}: give the colour camera of this image."
        )


def check_depth(path: Path, shape: tuple[int, ...], camera: Camera) -> None:
    """Raises DataError unless points of (H, W, 3) are of the depth camera's pixels."""
    if shape[:2] != (camera.height, camera.width):
        raise DataError(
            f"{path} is {shape[0]} x {shape[1]} pixels but the rig's depth camera has "
            f"{camera.height} x {camera.width}: give the camera of this sensor."
        )


def _with_median_depth(
    rig: Rig, points: NDArray[np.float32], returned: NDArray[np.bool_]
) -> NDArray[np.float64]:
    depth = float(np.median(points[returned][:, 2])) if returned.any() else 1.0
    return np.where(returned[..., None], points.astype(np.float64), rays(rig.depth) * depth)


def _move(rig: Rig, points: NDArray[np.float64], unit_m: float) -> NDArray[np.float64]:
    pose = np.array(rig.color_from_depth)
    # Not BLAS, whose last digit depends on the number of threads.
    return np.einsum("hwj,ij->hwi", points, pose[:3, :3]) + pose[:3, 3] * unit_m


def _look(camera: Camera, points: NDArray[np.float64]) -> _View:
    u, v = image_of(points, camera)
    with np.errstate(invalid="ignore"):
        inside = (u >= -0.5) & (u < camera.width - 0.5) & (v >= -0.5) & (v < camera.height - 0.5)
    return _View(np.where(inside, u, np.nan), np.where(inside, v, np.nan))


def _is_hidden(
    rig: Rig, view: _View, depth: NDArray[np.float64], returned: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(H, W) bool: something nearer is shown at the same place, by a z-buffer.

    Its cells are as wide as a depth pixel appears, and each point covers the four that it touches:
    a surface then has no holes through which what is behind it shows.
    """
    cells_u = min(rig.depth.fx / rig.color.fx, _MOST_CELLS)
    cells_v = min(rig.depth.fy / rig.color.fy, _MOST_CELLS)
    column, row = (view.u + 0.5) * cells_u, (view.v + 0.5) * cells_v
    width = int(rig.color.width * cells_u) + 3
    height = int(rig.color.height * cells_v) + 3
    nearest = np.full(height * width, np.inf)
    casts = returned & view.inside
    left, top = (np.floor(places[casts] - 0.5).astype(np.int64) + 1 for places in (column, row))
    for down in (0, 1):
        for right in (0, 1):
            np.minimum.at(nearest, (top + down) * width + left + right, depth[casts])
    own = (np.floor(row[casts]).astype(np.int64) + 1) * width
    own += np.floor(column[casts]).astype(np.int64) + 1
    hidden = np.zeros(depth.shape, dtype=bool)
    reach = _ONE_SURFACE * depth[casts] / rig.depth.fx
    hidden[casts] = depth[casts] - nearest[own] > reach
    return hidden


def _interpolate(image: NDArray[np.uint8], view: _View) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    colours = np.zeros((*view.u.shape, 3), np.uint8)
    u, v = (places[view.inside] for places in (view.u, view.v))
    u, v = np.clip(u, 0, width - 1), np.clip(v, 0, height - 1)
    left, top = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
    right, down = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, along = (u - left)[:, None], (v - top)[:, None]
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[down, left] * (1 - across) + image[down, right] * across
    colours[view.inside] = np.rint(upper * (1 - along) + lower * along).astype(np.uint8)
    return colours


def _pick(mask: NDArray[np.uint8], view: _View) -> NDArray[np.uint8]:
    picked = np.zeros(view.u.shape, np.uint8)
    row, column = (np.floor(p[view.inside] + 0.5).astype(np.int64) for p in (view.v, view.u))
    picked[view.inside] = mask[row, column]
    return picked
