"""DBSCAN clusters of a point cloud, exact, through a grid of cells.

DBSCAN (Ester et al., 1996): a core point has `min_points` points, itself included, within `eps`;
core points within `eps` of each other share a cluster, and so does every point within `eps` of a
core point. Cells are so small that all points of one are neighbours (Gunawan, 2013): most points
are then known to be core points, and most clusters to be one, without a single distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # half a second for every stage that reads a manifest; only `prepare` clusters
    from scipy.spatial import cKDTree

IntArray = NDArray[np.int64]
Points = NDArray[np.float64]

SPAN = 1e6  # of eps: the longest axis of a cloud whose cells an int64 can number
_REACH = 2  # cells: the diagonal of a cell is eps, so neighbours lie at most two cells away


@dataclass(frozen=True)
class _Cells:
    """Points sorted by cell: cell i holds `order[start[i]:start[i + 1]]`."""

    order: IntArray
    start: IntArray
    key: IntArray  # (C,) ascending
    stride: IntArray  # (3,): key of a cell = its integer coordinates · stride

    @property
    def count(self) -> IntArray:
        return np.diff(self.start)

    def members(self, cell: int) -> IntArray:
        return self.order[self.start[cell] : self.start[cell + 1]]


def dbscan(points: Points, eps: float, min_points: int) -> IntArray:
    """The cluster of every point.

    A point within reach of two clusters goes to the nearest core point's.

    Args:
        points: (N, 3) float64, finite, spanning at most SPAN times eps.
        eps: neighbourhood radius, inclusive, in the points' unit.
        min_points: points within `eps`, itself included, that make a core point.

    Returns:
        (N,) int64: clusters are numbered by their earliest core point; -1 is in none.
    """
    clusters = np.full(len(points), -1, dtype=np.int64)
    if not len(points):
        return clusters
    cells = _cells(points, eps)
    core = _core_points(points, cells, eps, min_points)
    rest = np.flatnonzero(~core)
    if not len(rest):  # as in most large scans, whose cells hold many points
        return _core_clusters(points, cells, eps)
    if len(rest) < len(points):
        clusters[core] = _core_clusters(points[core], _cells(points[core], eps), eps)
        distance, nearest = _tree(points[core]).query(points[rest], distance_upper_bound=2 * eps)
        reached = distance <= eps
        clusters[rest[reached]] = clusters[core][nearest[reached]]
    return clusters


def _core_points(points: Points, cells: _Cells, eps: float, min_points: int) -> NDArray[np.bool_]:
    core = np.empty(len(points), dtype=bool)
    core[cells.order] = np.repeat(cells.count >= min_points, cells.count)
    if core.all():
        return core
    tree = _tree(points)
    # Half the radius settles nearly every point at a quarter of the cost.
    for radius in (eps / 2, eps):
        open_ = np.flatnonzero(~core)
        if len(open_):
            counts = tree.query_ball_point(points[open_], radius, return_length=True)
            core[open_] = counts >= min_points
    return core


def _core_clusters(points: Points, cells: _Cells, eps: float) -> IntArray:
    """(N,) cluster of each core point, numbered by first appearance."""
    first, second = _neighbouring_cells(cells)
    middle = points[cells.order[(cells.start[:-1] + cells.start[1:]) // 2]]
    joined = np.linalg.norm(middle[first] - middle[second], axis=1) <= eps
    label = _components(len(cells.key), first[joined], second[joined])
    undecided = label[first] != label[second]
    label = _join_touching(points, cells, first[undecided], second[undecided], label, eps)
    by_point = np.empty(len(points), dtype=np.int64)
    by_point[cells.order] = np.repeat(label, cells.count)
    _, appearance, inverse = np.unique(by_point, return_index=True, return_inverse=True)
    rank: IntArray = appearance.argsort().argsort()
    return rank[inverse]


def _cells(points: Points, eps: float) -> _Cells:
    side = eps / 1.7321  # just above the square root of 3: the diagonal stays below eps
    # Axis by axis, as NumPy is slow over an axis of three.
    position = [np.floor((x - x.min()) / side).astype(np.int64) for x in points.T]
    width = [x.max() + 1 + _REACH for x in position]  # no offset wraps into the next row
    stride = np.array([width[1] * width[2], width[2], 1])
    keys = position[0] * stride[0] + position[1] * stride[1] + position[2]
    order = keys.argsort(kind="stable")
    key, start = np.unique(keys[order], return_index=True)
    return _Cells(order, np.append(start, len(points)), key, stride)


def _neighbouring_cells(cells: _Cells) -> tuple[IntArray, IntArray]:
    """Indices of all pairs of occupied cells within reach of each other, each pair once."""
    span = np.arange(-_REACH, _REACH + 1)
    offsets = np.stack(np.meshgrid(span, span, span, indexing="ij"), axis=-1).reshape(-1, 3)
    pairs = []
    for step in offsets[len(offsets) // 2 + 1 :] @ cells.stride:  # 62; one at a time saves memory
        wanted = cells.key + step
        found = np.searchsorted(cells.key, wanted).clip(max=len(cells.key) - 1)
        first = np.flatnonzero(cells.key[found] == wanted)
        pairs.append((first, found[first]))
    first, second = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    return first, second


def _components(n: int, first: IntArray, second: IntArray) -> IntArray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _join_touching(
    points: Points, cells: _Cells, first: IntArray, second: IntArray, label: IntArray, eps: float
) -> IntArray:
    """Join the labels of cells that hold two points within `eps`, by the distances themselves."""
    label = label.copy()
    for a, b in zip(first, second, strict=True):
        if label[a] == label[b]:
            continue
        nearest, _ = _tree(points[cells.members(a)]).query(points[cells.members(b)])
        if nearest.min() <= eps:
            label[label == label[b]] = label[a]
    return label


def _tree(points: Points) -> cKDTree:
    from scipy.spatial import cKDTree

    return cKDTree(points, leafsize=32, balanced_tree=False)
