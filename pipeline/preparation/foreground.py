"""The part in a scan: its points without the table, the background and stray returns.

Follows the published preparation of M3DM (plane of the border band, then the largest DBSCAN
cluster), with deliberate changes: points that belong to no cluster never win (there they count as
one cluster), a part that dropouts split keeps its large pieces, what is seen past the table's edge
is background, and a flat part that crosses the border of a scan without a table is no table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import border_band, has_return, is_part
from ..params.schema import Preparation
from ..plumbing.errors import DataError, UnlikeTrainingError
from .clustering import SPAN, dbscan
from .pieces import part_pieces
from .plane import Plane, fit_table

MOST_SEARCHED = 2048 * 2048  # pixels
_ROWS = 256  # looked at together


@dataclass(frozen=True)
class Foreground:
    """The part in one scan.

    Attributes:
        mask: (H, W) bool, True on the part.
        plane: (4,) float64 (n, d) of the removed table n·p + d = 0, n unit and towards the
            camera, metres; None where no table was found or looked for, and nothing was removed.
        clutter: share of the points in dense clusters off the table that were dropped, 0 to 1.
    """

    mask: NDArray[np.bool_]
    plane: NDArray[np.float64] | None
    clutter: float = 0.0


def extract_foreground(
    points: NDArray[np.float32], options: Preparation, scan: str = "the scan"
) -> Foreground:
    """Find the part: returns that are not table, then their largest dense cluster and its pieces.

    Where nothing stands on the plane that the border shows but another lies behind it, the first
    was the face of a flat part and the second is the table.

    In a scan of over `MOST_SEARCHED` pixels every second row and column is searched, or every
    third and so on: that bounds time and memory, and 224 x 224 pixels are made of the result.

    Args:
        points: (H, W, 3) float32 organised point map, metres, camera frame, finite; (0, 0, 0)
            is no return.
        options: the limits.
        scan: how error messages call the scan.

    Raises:
        DataError: nothing is left, or a coordinate is out of all proportion.
    """
    _check_range(points, options, scan)
    step = math.ceil(math.sqrt(points[..., 0].size / MOST_SEARCHED))
    if step == 1:
        return _found(points, options, scan)
    band = {"border_px": max(1, options.border_px // step)}
    fewer = np.ascontiguousarray(points[::step, ::step])
    found = _found(fewer, options.model_copy(update=band), scan)
    return replace(found, mask=_at_full_size(found, points, options, step))


def _at_full_size(
    found: Foreground, points: NDArray[np.float32], options: Preparation, step: int
) -> NDArray[np.bool_]:
    """(H, W) bool of a part that was found in every `step`-th row and column.

    A pixel is as the searched one above and left of it, if it has a return off the table itself.
    """
    height, width = points.shape[:2]
    mask = found.mask.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
    for start in range(0, height, _ROWS):
        rows = slice(start, start + _ROWS)
        mask[rows] &= is_part(points[rows])
        if found.plane is not None:
            plane = Plane(found.plane[:3], float(found.plane[3]))
            mask[rows] &= np.abs(plane.height(points[rows])) >= options.removal_m
    return mask


def _found(points: NDArray[np.float32], options: Preparation, scan: str) -> Foreground:
    """`extract_foreground` of all pixels."""
    plane = (
        fit_table(points, options.border_px, options.inlier_m) if options.plane_removal else None
    )
    mask, clutter = _part(points, plane, options)
    if plane is not None and not mask.any():
        table = fit_table(points, options.border_px, options.inlier_m, behind=plane)
        if table is not None:
            plane, (mask, clutter) = table, _part(points, table, options)
    if not mask.any():
        raise UnlikeTrainingError(_nothing_left(scan, points, plane, options))
    removed = None if plane is None else np.append(plane.normal, plane.offset)
    return Foreground(mask, removed, clutter)


def _check_range(points: NDArray[np.float32], options: Preparation, scan: str) -> None:
    furthest = max(float(points.max(initial=0)), -float(points.min(initial=0)))
    if furthest == 0:
        raise UnlikeTrainingError(
            f"{scan} has no return at all: every point is (0, 0, 0); scan it again."
        )
    if furthest > options.cluster_eps_m * SPAN / 2:
        raise DataError(
            f"{scan} has a coordinate of {furthest:.3g} m, too far for data.foreground."
            f"cluster_eps_m = {options.cluster_eps_m}: check that the scan is in metres."
        )


def _off_table(
    points: NDArray[np.float32], plane: Plane | None, options: Preparation
) -> NDArray[np.bool_]:
    """(H, W) bool: the returns that are not table."""
    off = has_return(points)
    if plane is not None:
        off &= np.abs(plane.height(points)) >= options.removal_m
    return off


def _part(
    points: NDArray[np.float32], plane: Plane | None, options: Preparation
) -> tuple[NDArray[np.bool_], float]:
    """(H, W) bool, the part off a known table (none if nothing is dense), and its clutter."""
    mask = _off_table(points, plane, options)
    cloud = points[mask].astype(np.float64)
    clusters = dbscan(cloud, options.cluster_eps_m, options.cluster_min_points)
    if plane is not None:
        at_border = border_band(points, options.border_px)[mask]
        clusters[_past_the_edge(plane.height(cloud), clusters, at_border)] = -1
    part = part_pieces(cloud, clusters, options.piece_share, _gap(options))
    clustered = int((clusters >= 0).sum())
    clutter = 1 - int(part.sum()) / clustered if clustered else 0.0
    # The published rule: foreground has three non-zero coordinates.
    mask[mask] = part & is_part(cloud)
    return mask, clutter


def _gap(options: Preparation) -> float:
    """Return how far apart two pieces may be, in metres."""
    return options.piece_gap_m if options.parts == "largest" else math.inf


def _past_the_edge(
    height: NDArray[np.floating], clusters: NDArray[np.int64], at_border: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(N,) bool: points of clusters that lie behind the table and reach the image's border.

    A part in a recess of the table lies behind it too, but does not reach the border.
    """
    n = int(clusters.max(initial=-1)) + 1
    known = clusters >= 0
    reaches = np.bincount(clusters[known & at_border], minlength=n) > 0
    in_front = np.bincount(clusters[known & (height > 0)], minlength=n) > 0
    return known & np.append(reaches & ~in_front, False)[clusters]


def _nothing_left(
    scan: str, points: NDArray[np.float32], plane: Plane | None, options: Preparation
) -> str:
    off = _off_table(points, plane, options)
    n = int(off.sum() if plane is None else (plane.height(points[off]) > 0).sum())
    if n == 0:
        return (
            f"{scan} has no foreground: all its points lie within {options.removal_m} m of the "
            "table's plane or behind it; lower data.foreground.removal_m or set "
            "data.plane_removal to false."
        )
    where = "" if plane is None else " in front of the table"
    return (
        f"{scan} has no foreground: none of its {n} points{where} has "
        f"{options.cluster_min_points} points within {options.cluster_eps_m} m; raise "
        "data.foreground.cluster_eps_m or lower data.foreground.cluster_min_points, and check "
        "that it is in metres."
    )
