"""The table under a part: a plane fitted robustly to the border of an organised point map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import border_band, has_return

_SAMPLES = 500  # with 0.35 of the border on the table, none of three table points has p = 3e-10
_AT_ONCE = 50  # planes whose votes are counted together: they stay in the cache
_VOTERS = 1024  # border points that vote on a sampled plane; the refit sees all of them
_REFITS = 3
_MIN_SHARE = 0.35  # of the border's returns: a part along one side leaves the table no half
_CELLS = 8  # a side: the border's pixels are also counted by cells of an 8 x 8 grid
_MIN_SEEN = 0.05  # of a cell's border pixels: dropouts thin a table out, its absence leaves none
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


@dataclass(frozen=True)
class _Border:
    """The returns near the edge of a point map, in an order that does not depend on the map's.

    Attributes:
        returns: (M, 3) float64, metres.
        cell: (M,) cell of the grid that each lies in.
        pixels: (64,) pixels of the border in each cell, with a return or without.
    """

    returns: NDArray[np.float64]
    cell: NDArray[np.int64]
    pixels: NDArray[np.int64]

    def seen(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(64,) bool: cells that show enough of the chosen returns."""
        counts = np.bincount(self.cell[chosen], minlength=_CELLS**2)
        return (counts >= _MIN_SEEN * self.pixels) & (counts > 0)


def fit_table(
    points: NDArray[np.float32], border_px: int, inlier_m: float, behind: Plane | None = None
) -> Plane | None:
    """RANSAC plane of the border band, refitted by least squares on all its inliers.

    The same points give the same plane, however the map is turned: the sampler's seed is fixed
    and it draws from sorted points.

    Args:
        points: (H, W, 3) float32 organised point map, metres; (0, 0, 0) is no return.
        border_px: width of the band on each side, pixels.
        inlier_m: a point this close to a plane, inclusive, votes for it; metres.
        behind: consider only what lies further behind this plane than inlier_m.

    Returns:
        The plane; None where none holds a third of the band's returns, or where no more of the
        band shows it than has no return at all: then it may be the face of a part that crosses
        the border of a scan without a table.
    """
    border = _border(points, border_px)
    usable = np.ones(len(border.returns), dtype=bool)
    if behind is not None:
        usable = behind.height(border.returns) < -inlier_m
    needed = max(3, _MIN_SHARE * len(usable))
    if usable.sum() < needed:
        return None
    origin = border.returns[usable].mean(axis=0)  # half a metre away the fit loses digits
    local = border.returns - origin
    plane = _best_sampled_plane(local[usable], inlier_m)
    for _ in range(_REFITS):
        inliers = usable & (_distances(local, plane) <= inlier_m)
        if inliers.sum() < needed:
            return None
        plane = _least_squares_plane(local[inliers])
    void = (border.pixels > 0) & ~border.seen(np.ones_like(usable))
    if border.seen(inliers).sum() <= void.sum():
        return None
    return _facing_camera(plane, origin)


def _border(points: NDArray[np.float32], border_px: int) -> _Border:
    height, width = points.shape[:2]
    band = border_band(points, border_px)
    rows, columns = (np.arange(n) * _CELLS // n for n in (height, width))
    cell = (rows[:, None] * _CELLS + columns)[band]
    found = points[band].astype(np.float64)
    returned = has_return(found)
    order = np.lexsort(found[returned].T)
    pixels = np.bincount(cell, minlength=_CELLS**2)
    return _Border(found[returned][order], cell[returned][order], pixels)


def _best_sampled_plane(points: NDArray[np.float64], inlier_m: float) -> NDArray[np.float64]:
    """(4,): of the planes through random triples, the one with the most votes.

    A point has the more of a vote the nearer it is: where a part lies along one side, a slanted
    plane that meets it and the table opposite has more points within reach than the table.
    """
    rng = np.random.default_rng(_SEED)
    triples = points[rng.integers(len(points), size=(_SAMPLES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    # A triple on one line has no plane: a zero normal with an offset out of reach gets no votes.
    normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    offsets = np.where(lengths[:, 0] > 0, -(normals * triples[:, 0]).sum(axis=1), np.inf)
    voters = points[rng.permutation(len(points))[:_VOTERS]]
    parts = [slice(i, i + _AT_ONCE) for i in range(0, _SAMPLES, _AT_ONCE)]
    votes = [_votes(normals[part], offsets[part], voters, inlier_m) for part in parts]
    best = int(np.concatenate(votes).argmax())
    return np.append(normals[best], offsets[best])


def _votes(
    normals: NDArray[np.float64],
    offsets: NDArray[np.float64],
    voters: NDArray[np.float64],
    inlier_m: float,
) -> NDArray[np.float64]:
    """(S,) of S planes: the sum of the voters' (1 - distance / inlier_m)^4, none beyond it."""
    near = np.einsum("si,vi->sv", normals, voters)  # and from here in place
    near += offsets[:, None]
    np.abs(near, out=near)
    near /= -inlier_m
    near += 1
    np.clip(near, 0, None, out=near)
    np.square(near, out=near)
    return np.einsum("sv,sv->s", near, near)


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
