"""The table under a part: a plane fitted robustly to the border of an organised point map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAMPLES = 500  # with half of the border on the table, none of three table points has p = 1e-29
_VOTERS = 1024  # border points that vote on a sampled plane; the refit sees all of them
_REFITS = 3
_MIN_SHARE = 0.5  # of the border's returns: below it the border does not show one table
_MIN_SEEN = 0.1  # of the border's pixels: the end of a part that crosses the border is no table
_SEED = 0


@dataclass(frozen=True)
class Plane:
    """The plane n·p + d = 0 in the camera frame.

    Attributes:
        normal: (3,) float64, unit length, pointing to the camera's side.
        offset: d >= 0, metres: the distance of the camera from the plane.
    """

    normal: NDArray[np.float64]
    offset: float

    def height(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Signed distance of (..., 3) points, metres: positive on the camera's side."""
        # Not BLAS, here and below: its last digit depends on the number of threads.
        normal = self.normal.astype(points.dtype)
        return np.einsum("...i,i->...", points, normal) + points.dtype.type(self.offset)


def border_points(points: NDArray[np.float32], border_px: int) -> NDArray[np.float64]:
    """(M, 3) float64: the points within `border_px` of the edge of an (H, W, 3) point map."""
    band = np.ones(points.shape[:2], dtype=bool)
    band[border_px:-border_px, border_px:-border_px] = False
    return points[band].astype(np.float64)


def fit_table(points: NDArray[np.float32], border_px: int, inlier_m: float) -> Plane | None:
    """RANSAC plane of the border band, refitted by least squares on all its inliers.

    The same point map gives the same plane: the sampler's seed is fixed.

    Args:
        points: (H, W, 3) float32 organised point map, metres; (0, 0, 0) is no return.
        border_px: width of the band on each side, pixels.
        inlier_m: a point this close to a plane, inclusive, votes for it; metres.

    Returns:
        The plane, or None where none holds half of the band's returns and a tenth of its pixels.
    """
    band = border_points(points, border_px)
    returns = band[band.any(axis=1)]
    needed = max(3, _MIN_SHARE * len(returns), _MIN_SEEN * len(band))
    if len(returns) < needed:
        return None
    origin = returns.mean(axis=0)  # the fit loses digits half a metre away from its origin
    local = returns - origin
    plane = _best_sampled_plane(local, inlier_m)
    for _ in range(_REFITS):
        inliers = local[_distances(local, plane) <= inlier_m]
        if len(inliers) < needed:
            return None
        plane = _least_squares_plane(inliers)
    return _facing_camera(plane, origin)


def _best_sampled_plane(points: NDArray[np.float64], inlier_m: float) -> NDArray[np.float64]:
    """(4,): of the planes through random triples, the one with the most voters within reach."""
    rng = np.random.default_rng(_SEED)
    triples = points[rng.integers(len(points), size=(_SAMPLES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    # A triple on one line has no plane: a zero normal with an offset out of reach gets no votes.
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    offsets = np.where(lengths[:, 0] > 0, -(normals * triples[:, 0]).sum(axis=1), np.inf)
    voters = points[rng.permutation(len(points))[:_VOTERS]]
    distances = np.abs(np.einsum("si,vi->sv", normals, voters) + offsets[:, None])
    best = int((distances <= inlier_m).sum(axis=1).argmax())
    return np.append(normals[best], offsets[best])


def _least_squares_plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,): the plane with the least sum of squared distances to (M, 3) points."""
    centre = points.mean(axis=0)
    centred = points - centre
    _, vectors = np.linalg.eigh(np.einsum("ni,nj->ij", centred, centred))
    normal = vectors[:, 0]
    return np.append(normal, -normal @ centre)


def _distances(points: NDArray[np.float64], plane: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(np.einsum("ni,i->n", points, plane[:3]) + plane[3])


def _facing_camera(plane: NDArray[np.float64], origin: NDArray[np.float64]) -> Plane:
    normal, offset = plane[:3], float(plane[3] - plane[:3] @ origin)
    return Plane(-normal, -offset) if offset < 0 else Plane(normal, offset)
