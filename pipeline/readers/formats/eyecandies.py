"""Eyecandies' depth images to point maps of the candy alone, as the published 3-D code does it.

Source: Bonfiglioli et al., "The Eyecandies Dataset for Unsupervised Multimodal Anomaly Detection
and Localization" (ACCV 2022), its download page for depth to points, and M3DM's preparation code
for the background.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError

FOCAL_PX = 711.11  # of every image of 512 x 512
SIDE = 512  # pixels

_PROBE = 256  # flat index, from the front and from the back, of the points that show the tilt
_TABLE_TOP = -0.02  # second coordinate of the tilted frame above which a point is table
_BEHIND = 1.8
_BESIDE = 1.0
_SCALE = np.array([0.1, -0.1, 0.1])  # to metres of a candy, second axis towards the camera

Points = NDArray[np.float64]


def decode_depth(
    pixels: NDArray[np.uint16], nearest: float, farthest: float
) -> NDArray[np.float32]:
    """(H, W) uint16 to depth in the data set's metres; 0 is `nearest`, 65535 `farthest`."""
    unit = pixels.astype(np.float32) / np.float32(65535)
    return unit * np.float32(farthest - nearest) + np.float32(nearest)


def depth_to_points(
    depth: NDArray[np.float32], pose: NDArray[np.float64], focal_px: float
) -> Points:
    """(H, W, 3) float64 world coordinates of a depth image.

    Args:
        depth: (H, W) along the optical axis, > 0.
        pose: (4, 4) world to camera, invertible.
        focal_px: focal length, pixels; the principal point is (W / 2, H / 2) and the first pixel's
            centre is (0, 0).
    """
    height, width = depth.shape
    camera = np.array(
        [
            [focal_px, 0, width / 2, 0],
            [0, focal_px, height / 2, 0],
            [0, 0, 1, 0],
            [0, 0, 0, 1],
        ]
    )
    inverse = np.linalg.inv(np.einsum("ij,jk->ik", camera, pose))[:3]  # (3, 4)
    v, u = np.mgrid[:height, :width]
    nearness = np.float32(1) / depth  # rounded to float32 in the published code, too
    rays = np.stack([u, v, np.ones_like(u), nearness], axis=-1)  # (H, W, 4)
    return depth[..., None] * np.einsum("ij,hwj->hwi", inverse, rays)


def remove_background(points: Points) -> Points:
    """(H, W, 3) world coordinates to metres of the candy; what is not candy has a first
    coordinate of zero, so that foreground is where all three are non-zero.

    The line from the middle of the first row to that of the last lies on the table: it is levelled
    and everything below, behind or beside the candy is collapsed into one place.

    Raises:
        DataError: there is no such line, as in no Eyecandies scan.
    """
    flat = points.reshape(-1, 3)
    near, far = flat[-_PROBE], flat[_PROBE]
    origin = np.array([0.0, near[1], near[2]])
    rise, run = far[1] - near[1], far[2] - near[2]
    length = np.sqrt(rise**2 + run**2)
    if not length > 0:
        raise DataError("the depth image shows no table under the candy: copy it again.")
    cos, sin = run / length, rise / length
    level = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    local = np.einsum("ij,nj->ni", level, flat - origin)
    background = (local[:, 1] > _TABLE_TOP) | (local[:, 2] > _BEHIND)
    background |= np.abs(local[:, 0]) > _BESIDE
    local[background] = -origin
    restored = np.einsum("ji,nj->ni", level, local) + origin
    return (restored[:, [0, 2, 1]] * _SCALE).reshape(points.shape)
