"""The grid's shortcuts against DBSCAN by all distances: no point may differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from mentor3ad.preparation.clustering import dbscan


def plain_dbscan(points: np.ndarray, eps: float, min_points: int) -> np.ndarray:
    distance = cdist(points, points)
    near = distance <= eps
    core = np.flatnonzero(near.sum(axis=1) >= min_points)
    clusters = np.full(len(points), -1)
    if not len(core):
        return clusters
    clusters[core] = connected_components(near[np.ix_(core, core)], directed=False)[1]
    for i in np.setdiff1d(np.arange(len(points)), core):
        nearest = core[distance[i, core].argmin()]
        if near[i, nearest]:
            clusters[i] = clusters[nearest]
    return clusters


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    eps=st.floats(0.02, 0.6),
    min_points=st.integers(1, 12),
    flat=st.booleans(),
)
def test_equals_plain_dbscan(seed: int, n: int, eps: float, min_points: int, flat: bool) -> None:
    points = np.random.default_rng(seed).random((n, 3)) * (1, 1, 0.01 if flat else 1)
    expected = plain_dbscan(points, eps, min_points)
    np.testing.assert_array_equal(dbscan(points, eps, min_points), expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_clusters_do_not_depend_on_the_order_of_points(seed: int) -> None:
    """Only their numbers do."""
    points = np.random.default_rng(seed).random((200, 3))
    order = np.random.default_rng(seed).permutation(200)
    clusters, shuffled = dbscan(points, 0.2, 5)[order], dbscan(points[order], 0.2, 5)
    pairs = set(zip(clusters.tolist(), shuffled.tolist(), strict=True))
    assert len(pairs) == len(set(clusters)) == len(set(shuffled))


def test_empty_cloud() -> None:
    assert dbscan(np.zeros((0, 3)), 0.1, 3).shape == (0,)


def test_noise_is_in_no_cluster() -> None:
    scattered = np.arange(50)[:, None] * np.ones(3)
    clump = np.full((5, 3), -1.0)
    clusters = dbscan(np.concatenate([scattered, clump]), eps=0.1, min_points=5)
    np.testing.assert_array_equal(clusters, [-1] * 50 + [0] * 5)


def test_clusters_are_numbered_by_their_first_point() -> None:
    points = np.repeat([[9.0, 9, 9], [0, 0, 0]], 4, axis=0)
    np.testing.assert_array_equal(dbscan(points, 0.1, 3), [0] * 4 + [1] * 4)


@pytest.mark.parametrize(("gap", "clusters"), [(0.0059, 1), (0.0061, 2)])
def test_gap_at_the_radius_decides(gap: float, clusters: int) -> None:
    strip = np.stack([np.arange(40) % 8, np.arange(40) // 8, np.zeros(40)], axis=1) * 0.001
    other = strip + np.array([0.007 + gap, 0, 0])
    assert dbscan(np.concatenate([strip, other]), 0.006, 10).max() + 1 == clusters
