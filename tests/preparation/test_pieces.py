"""Which clusters are the part: by size and by distance, along chains."""

import numpy as np
import pytest

from mentor3ad.preparation.pieces import part_pieces


def row(*sizes_and_starts: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    """Clusters along x with a point every 1: (size, x of the first point) each."""
    x = np.concatenate([start + np.arange(size) for size, start in sizes_and_starts])
    clusters = np.repeat(np.arange(len(sizes_and_starts)), [n for n, _ in sizes_and_starts])
    return np.stack([x, 0 * x, 0 * x], axis=1), clusters


def kept(points: np.ndarray, clusters: np.ndarray, share: float, gap: float) -> list[int]:
    return sorted(set(clusters[part_pieces(points, clusters, share, gap)].tolist()))


@pytest.mark.parametrize(("gap", "expected"), [(0.0, [1]), (4.9, [1]), (5.0, [0, 1])])
def test_gap_is_inclusive(gap: float, expected: list[int]) -> None:
    points, clusters = row((8, 0), (10, 12))
    assert kept(points, clusters, 0.5, gap) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.8, [0, 1]), (0.81, [1])])
def test_share_is_inclusive(share: float, expected: list[int]) -> None:
    points, clusters = row((8, 0), (10, 12))
    assert kept(points, clusters, share, 5) == expected


def test_a_chain_of_gaps_counts() -> None:
    points, clusters = row((9, 40), (9, 20), (10, 0), (9, 100))
    assert kept(points, clusters, 0.5, 12) == [0, 1, 2]


def test_a_small_cluster_is_no_link() -> None:
    points, clusters = row((10, 0), (2, 14), (9, 20))
    assert kept(points, clusters, 0.5, 6) == [0]


def test_of_equal_clusters_the_first_is_the_largest() -> None:
    points, clusters = row((5, 0), (5, 50))
    assert kept(points, clusters, 0.5, 5) == [0]


def test_points_in_no_cluster_are_no_piece() -> None:
    points, clusters = row((5, 0), (5, 6))
    clusters[clusters == 1] = -1
    assert kept(points, clusters, 0.1, 5) == [0]


@pytest.mark.parametrize("n", [0, 4])
def test_without_a_cluster_nothing_is_kept(n: int) -> None:
    assert part_pieces(np.zeros((n, 3)), np.full(n, -1), 0.1, 1.0).tolist() == [False] * n


def test_an_infinite_gap_keeps_every_large_cluster() -> None:
    points, clusters = row((10, 0), (4, 1000), (5, 5000), (9, 90000))
    clusters[:2] = -1
    assert kept(points, clusters, 0.5, np.inf) == [0, 2, 3]
