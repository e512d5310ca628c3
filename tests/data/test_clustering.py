"""The grid's shortcuts against DBSCAN by all distances: no point may differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from pipeline.data.clustering import largest_cluster


def plain_largest_cluster(points: np.ndarray, eps: float, min_points: int) -> np.ndarray:
    distance = cdist(points, points)
    near = distance <= eps
    core = np.flatnonzero(near.sum(axis=1) >= min_points)
    clusters = np.full(len(points), -1)
    if not len(core):
        return clusters == 0
    clusters[core] = connected_components(near[np.ix_(core, core)], directed=False)[1]
    for i in np.setdiff1d(np.arange(len(points)), core):
        nearest = core[distance[i, core].argmin()]
        if near[i, nearest]:
            clusters[i] = clusters[nearest]
    sizes = np.bincount(clusters[clusters >= 0])
    return clusters == sizes.argmax()


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
    expected = plain_largest_cluster(points, eps, min_points)
    np.testing.assert_array_equal(largest_cluster(points, eps, min_points), expected)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_size_does_not_depend_on_the_order_of_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((200, 3))
    shuffled = rng.permutation(points)
    assert largest_cluster(shuffled, 0.2, 5).sum() == largest_cluster(points, 0.2, 5).sum()


def test_empty_cloud() -> None:
    assert largest_cluster(np.zeros((0, 3)), 0.1, 3).shape == (0,)


def test_noise_never_wins() -> None:
    scattered = np.arange(50)[:, None] * np.ones(3)
    clump = np.full((5, 3), -1.0)
    members = largest_cluster(np.concatenate([scattered, clump]), eps=0.1, min_points=5)
    assert members.sum() == 5
    assert members[50:].all()


def test_first_of_two_equal_clusters_wins() -> None:
    points = np.repeat([[9.0, 9, 9], [0, 0, 0]], 4, axis=0)
    np.testing.assert_array_equal(np.flatnonzero(largest_cluster(points, 0.1, 3)), range(4))


@pytest.mark.parametrize(("gap", "size"), [(0.0059, 80), (0.0061, 40)])
def test_gap_at_the_radius_decides(gap: float, size: int) -> None:
    strip = np.stack([np.arange(40) % 8, np.arange(40) // 8, np.zeros(40)], axis=1) * 0.001
    other = strip + np.array([0.007 + gap, 0, 0])
    assert largest_cluster(np.concatenate([strip, other]), 0.006, 10).sum() == size
