"""The part in a scan: its points without the table, the background and stray returns.

Follows the published preparation of M3DM (plane of the border band, then DBSCAN), with one
deliberate change: there, the points that belong to no cluster count as one and may win.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.clustering import largest_cluster
from pipeline.data.plane import Plane, fit_table
from pipeline.errors import ConfigError, DataError


@dataclass(frozen=True)
class PrepareOptions:
    """What makes a point part of the foreground. Lengths in metres, limits as in M3DM's code.

    Attributes:
        plane_removal: look for a table and remove it; False keeps all returns for the clustering.
        border_px: width of the border band that shows the table, pixels, >= 1.
        inlier_m: distance from a sampled plane up to which, inclusive, a point supports it.
        removal_m: points nearer to the table's plane than this are table.
        cluster_eps_m: radius of a point's neighbourhood, inclusive.
        cluster_min_points: points in that neighbourhood, itself included, that make it dense.
        min_points: fewest foreground points at 224 x 224 that a scan must have.
    """

    plane_removal: bool = True
    border_px: int = 10
    inlier_m: float = 0.004
    removal_m: float = 0.005
    cluster_eps_m: float = 0.006
    cluster_min_points: int = 30
    min_points: int = 64

    def __post_init__(self) -> None:
        for name in ("border_px", "cluster_min_points", "min_points"):
            if getattr(self, name) < 1:
                raise ConfigError(f"data.{name} is {getattr(self, name)}: set it to 1 or more.")
        for name in ("inlier_m", "removal_m", "cluster_eps_m"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ConfigError(f"data.{name} is {value}: set it to a length in metres above 0.")


@dataclass(frozen=True)
class Foreground:
    """The part in one scan.

    Attributes:
        mask: (H, W) bool, True on the part.
        plane: (4,) float64 (n, d) of the removed table n·p + d = 0, n unit and towards the
            camera, metres; None where no table was found or looked for, and nothing was removed.
    """

    mask: NDArray[np.bool_]
    plane: NDArray[np.float64] | None


def extract_foreground(
    points: NDArray[np.float32], options: PrepareOptions, scan: str = "the scan"
) -> Foreground:
    """Find the part: returns that are not table, then their largest dense cluster.

    Args:
        points: (H, W, 3) float32 organised point map, metres, camera frame, finite; (0, 0, 0)
            is no return.
        options: the limits.
        scan: how error messages call the scan.

    Raises:
        DataError: nothing is left.
    """
    candidates = points.any(axis=-1)
    if not candidates.any():
        raise DataError(f"{scan} has no return at all: every point is (0, 0, 0); scan it again.")
    plane = (
        fit_table(points, options.border_px, options.inlier_m) if options.plane_removal else None
    )
    if plane is not None:
        candidates &= np.abs(plane.height(points)) >= options.removal_m
    mask = np.zeros(candidates.shape, dtype=bool)
    cloud = points[candidates]
    mask[candidates] = largest_cluster(
        cloud.astype(np.float64), options.cluster_eps_m, options.cluster_min_points
    ) & cloud.all(axis=1)  # the published rule: foreground has three non-zero coordinates
    if not mask.any():
        raise DataError(_nothing_left(scan, len(cloud), plane, options))
    return Foreground(mask, None if plane is None else np.append(plane.normal, plane.offset))


def _nothing_left(scan: str, n: int, plane: Plane | None, options: PrepareOptions) -> str:
    if n == 0:
        return (
            f"{scan} has no foreground: all its points lie within {options.removal_m} m of the "
            "table's plane; lower data.removal_m or set data.plane_removal to false."
        )
    where = "" if plane is None else " off the table"
    return (
        f"{scan} has no foreground: none of its {n} points{where} has "
        f"{options.cluster_min_points} points within {options.cluster_eps_m} m; raise "
        "data.cluster_eps_m or lower data.cluster_min_points, and check that it is in metres."
    )
