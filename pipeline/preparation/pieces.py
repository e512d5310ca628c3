"""Which clusters of a scan are the part: the largest, and the large ones that lie near it.

The published rule keeps the largest cluster. A dropout across the part, or the shadow of a step,
leaves a gap wider than DBSCAN's radius, and the rule then loses all but one piece of the part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def part_pieces(
    points: NDArray[np.float64], clusters: NDArray[np.int64], share: float, gap: float
) -> NDArray[np.bool_]:
    """Points of the largest cluster, and of those that a chain of short gaps links to it.

    Args:
        points: (N, 3) float64.
        clusters: (N,) int64, from 0; -1 is in none. Of equal sizes the lower number counts as
            larger.
        share: a piece has at least this share of the largest cluster's points.
        gap: a piece is at most this far from another, in the points' unit; 0: the largest
            cluster alone, the published rule; infinity: pieces may lie anywhere.

    Returns:
        (N,) bool; all False where there is no cluster.
    """
    sizes = np.bincount(clusters[clusters >= 0])
    if not len(sizes):
        return np.zeros(len(points), dtype=bool)
    kept = clusters == sizes.argmax()
    if gap == 0:
        return kept
    if gap == np.inf:
        return np.append(sizes >= share * sizes.max(), False)[clusters]
    large = set(np.flatnonzero(sizes >= share * sizes.max())) - {int(sizes.argmax())}
    pending = [kept] if large else []
    from scipy.spatial import cKDTree  # slow to import; only `prepare` looks for pieces

    while pending and large:
        tree = cKDTree(points[pending.pop()])
        for cluster in sorted(large):
            piece = clusters == cluster
            if tree.query(points[piece], distance_upper_bound=gap * (1 + 1e-9))[0].min() <= gap:
                kept |= piece
                large.remove(cluster)
                pending.append(piece)
    return kept
