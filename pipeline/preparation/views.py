"""What networks see that look at another number of pixels than 224 a side.

Both views are made from the raw scan, not from the 224 x 224 pixels, and cover the same window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..dataset.grid import SIZE, has_return
from ..dataset.scan import RawScan
from ..dataset.window import Window
from ..params.schema import Preparation
from .plane import fit_table
from .resize import resize_rgb_u8, square

TOWARDS_CAMERA = (0.0, 0.0, -1.0)  # in the camera's frame


@dataclass(frozen=True)
class Views:
    """Which views of a scan the networks want.

    Attributes:
        picture: pixels along a side of the image; None: the 224 of every scan do.
        normals: pixels along a side of the map of surface normals; None: it is not wanted.
        smoothing: of the points before normals are taken: a Gaussian's sigma, pixels of the map.
    """

    picture: int | None = None
    normals: int | None = None
    smoothing: float = 0.0


NO_VIEWS = Views()


def picture_view(raw: RawScan, window: Window, size: int) -> NDArray[np.uint8]:
    """(S, S, 3) uint8: the window of the image, antialiased bicubic."""
    return resize_rgb_u8(raw.rgb, window, size)


def normals_view(
    raw: RawScan, window: Window, views: Views, up: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The surface normals of a window of the point map, as a picture.

    Pixels without a return take the nearest one's point, the points are brought to S x S, smoothed,
    and the cross product of their gradients is turned into the frame of the table. Components of
    -1 to 1 become 0 to 255, so that a level surface is (128, 128, 255).

    Args:
        views: size and smoothing.
        up: (3,) unit vector of the table's normal, camera frame, towards the camera.

    Returns:
        (S, S, 3) uint8; x and y along the picture's columns and rows, z along `up`.
    """
    size = views.normals or SIZE
    points = square(_filled(raw.points, window), window)
    points = np.stack([_resized(points[..., axis], size) for axis in range(3)])  # (3, S, S)
    if views.smoothing:
        points = _smoothed(points, views.smoothing)
    return _as_picture(_turned(_normals(points), up))


def table_normal(raw: RawScan, options: Preparation) -> NDArray[np.float64]:
    """The table's unit normal (3,), towards the camera; the camera's direction without a table."""
    plane = None
    if options.plane_removal and not raw.part_only:
        plane = fit_table(raw.points, options.border_px, options.inlier_m)
    return np.array(TOWARDS_CAMERA) if plane is None else plane.normal


def masked(
    picture: NDArray[np.uint8], foreground: NDArray[np.bool_], background: int
) -> NDArray[np.uint8]:
    """A view with one value outside the foreground (224, 224), which covers the same window."""
    places = (2 * np.arange(len(picture)) + 1) * SIZE // (2 * len(picture))
    inside = np.repeat(foreground[:, places], 3, axis=1)[places].view(np.uint8)
    keep = np.negative(inside).reshape(picture.shape)  # 255 inside: numpy's where is slow on bytes
    value = np.uint8(background)
    return ((picture ^ value) & keep) ^ value


def _filled(points: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """The points with the nearest return in place of none, as far as the window reaches."""
    from scipy.ndimage import distance_transform_edt  # slow to import

    none = ~has_return(points)
    rows, columns = (
        slice(max(start, 0), max(start, 0) + window.side) for start in (window.top, window.left)
    )
    if not none[rows, columns].any():
        return points
    inside = none[rows, columns]
    if inside.all():
        return points
    row, column = distance_transform_edt(inside, return_distances=False, return_indices=True)
    filled = points.copy()
    filled[rows, columns] = points[rows, columns][row, column]
    return filled


def _resized(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(side, side) to (S, S): bilinear, antialiased where it shrinks."""
    image = Image.fromarray(np.ascontiguousarray(values))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def _smoothed(points: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    origin = points.mean(axis=(1, 2), keepdims=True)  # float32 has more digits near 0
    return np.stack([gaussian_filter(axis, sigma, mode="nearest") for axis in points - origin])


def _normals(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, S, S) unit normals towards the camera of points (3, S, S); zero where there is none."""
    down, right = (np.gradient(points, axis=axis) for axis in (1, 2))
    cross = np.stack(
        [
            down[1] * right[2] - down[2] * right[1],
            down[2] * right[0] - down[0] * right[2],
            down[0] * right[1] - down[1] * right[0],
        ]
    )
    cross *= np.where(cross[2] > 0, np.float32(-1), np.float32(1))
    length = np.sqrt(np.square(cross).sum(axis=0))
    return np.divide(cross, length, out=np.zeros_like(cross), where=length > 0)


def _turned(normals: NDArray[np.float32], up: NDArray[np.float64]) -> NDArray[np.float32]:
    """Normals (3, S, S) in the frame of the table: x is the camera's x along the table's plane."""
    across = np.array([1.0, 0.0, 0.0]) - up[0] * up
    across /= np.sqrt(np.square(across).sum())
    along = np.cross(across, up)  # down the picture, as rows go
    # Not BLAS: its last digit depends on the number of threads.
    axes = (axis.astype(np.float32) for axis in (across, along, up))
    return np.stack([a[0] * normals[0] + a[1] * normals[1] + a[2] * normals[2] for a in axes])


def _as_picture(normals: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = np.clip(np.rint(normals * np.float32(127.5) + np.float32(127.5)), 0, 255)
    return np.ascontiguousarray(values.astype(np.uint8).transpose(1, 2, 0))
