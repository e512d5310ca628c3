"""Groups of a point cloud: FPS centres and their nearest neighbours (Point-MAE's patches)."""

from dataclasses import dataclass

import numpy as np

from ..plumbing.errors import DataError
from ..plumbing.words import are, counted
from .fps import furthest_point_sampling


@dataclass(frozen=True)
class Groups:
    """Groups of one scan; coordinates in the unit of the points they were made of."""

    centre_index: np.ndarray  # (G,) int32 into the points
    centres: np.ndarray  # (G, 3) float32
    index: np.ndarray  # (G, K) int32, ascending distance, the centre itself first
    neighbourhoods: np.ndarray  # (G, K, 3) float32, relative to the centre


def normalise_points(points: np.ndarray, mode: str) -> np.ndarray:
    """Bring points into the unit that the backbone sees.

    `none` leaves metres as they are. `unit_sphere` centres them on their mean and puts the furthest
    one at radius 1. `per_axis` centres them and divides each axis by its own standard deviation, so
    that the relief of a flat part counts as much as its outline.

    Args:
        points: (N, 3) float32, metres.

    Raises:
        DataError: all points coincide, so there is no radius to scale by.
    """
    if mode == "none" or len(points) == 0:
        return points
    centred = points - points.mean(axis=0, dtype=np.float64)
    if mode == "per_axis":
        deviation = centred.std(axis=0)
        return (centred / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    radius = np.sqrt((centred**2).sum(axis=1).max())
    if radius == 0:
        raise DataError("all foreground points coincide; the scan has no extent to normalise")
    return (centred / radius).astype(np.float32)


def check_enough(count: int, groups: int, group_size: int) -> None:
    """Raise DataError where there are fewer points than groups or than points in a group."""
    if count < max(groups, group_size):
        raise DataError(
            f"{counted(count, 'foreground point')} {are(count)} too few for {groups} groups of "
            f"{group_size}; "
            "lower features.points.groups or features.points.group_size, or check the foreground"
        )


def group_points(points: np.ndarray, groups: int, group_size: int) -> Groups:
    """Choose centres by FPS and find the K points nearest to each, exactly.

    Distances are of coordinate differences in float64.

    Args:
        points: (N, 3) float32.
        groups: number of centres G.
        group_size: points in a group K.

    Raises:
        DataError: fewer points than groups or than points in a group.
    """
    from scipy.spatial import cKDTree  # slow to import

    check_enough(len(points), groups, group_size)
    centre_index = furthest_point_sampling(points, groups)
    centres = points[centre_index]
    # One sort key, distance, leaves coincident points in tree order: put the centre itself first.
    _, index = cKDTree(points).query(centres, k=group_size)
    index = np.asarray(index, dtype=np.int32).reshape(groups, group_size)
    index = _centre_first(index, centre_index)
    return Groups(centre_index, centres, index, points[index] - centres[:, None])


def _centre_first(index: np.ndarray, centre_index: np.ndarray) -> np.ndarray:
    """Put each centre (G,) first in its row of (G, K), in place of the point that led it."""
    rows = np.flatnonzero(index[:, 0] != centre_index)
    for row in rows:
        position = np.flatnonzero(index[row] == centre_index[row])
        index[row, position[0] if len(position) else -1] = index[row, 0]
        index[row, 0] = centre_index[row]
    return index
