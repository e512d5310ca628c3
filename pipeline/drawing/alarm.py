"""What raised a scan's alarm: its highest pixel, the maps behind it and the regions above it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..cache.maps import MAPS, NEAR_MAPS
from ..dataset.grid import SIZE, is_part
from ..dataset.window import Window
from ..evaluation.views import Alarm, Region
from ..voting.model import exceeds

MOST_REGIONS = 8  # of a scan; the highest come first
_EIGHT = np.ones((3, 3), dtype=int)  # pixels that touch at a corner are one region
_MM = 1000.0

Vote = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def predicted(
    anomaly: NDArray[np.float32], foreground: NDArray[np.bool_], threshold: float
) -> NDArray[np.bool_]:
    """(224, 224) bool: the part's pixels that are above the threshold."""
    return np.asarray(exceeds(anomaly, threshold) & foreground)


def alarm_of(
    score_maps: NDArray[np.float32],
    anomaly: NDArray[np.float32],
    points: NDArray[np.float32],
    window: Window,
    vote: Vote,
    threshold: float,
) -> Alarm:
    """Describe where a scan's score comes from and what of the part is above the threshold.

    Args:
        score_maps: (K, 224, 224), S_RGB, S_XYZ, S_Mtr and those of a memory; 0 on the background.
        anomaly: (224, 224), what `vote` makes of them.
        points: (224, 224, 3) metres; (0, 0, 0) off the part.
        window: which square of the raw scan they cover.
        vote: brings score maps to the anomaly map, of any rule.
    """
    foreground = is_part(points)
    place = np.argmax(np.where(foreground, anomaly, -np.inf))
    row, column = divmod(int(place), SIZE)
    above = predicted(anomaly, foreground, threshold)
    labels, count = ndimage.label(above, _EIGHT)
    pitch = _pitch(points, foreground)
    regions = [_region(labels == n + 1, anomaly, points, window, pitch) for n in range(count)]
    regions.sort(key=lambda region: (-region.highest, region.row, region.column))
    return Alarm(
        *_raw_place(row, column, window),
        shares=_shares(score_maps, foreground, (row, column), vote),
        regions=tuple(regions[:MOST_REGIONS]),
        n_regions=count,
    )


def _shares(
    score_maps: NDArray[np.float32],
    foreground: NDArray[np.bool_],
    pixel: tuple[int, int],
    vote: Vote,
) -> dict[str, float]:
    """How much of the vote at a pixel each map is behind; the shares sum to 1.

    Each map in turn is set to its median on the part. What the vote at the pixel loses by it, of
    the sum of these losses, is the map's share. This asks the same of every voting rule, sums and
    products alike. Empty where nothing is lost.
    """
    full = float(vote(score_maps)[pixel])
    losses = []
    names = (MAPS + NEAR_MAPS)[: len(score_maps)]
    for n in range(len(names)):
        changed = score_maps.copy()
        changed[n] = np.where(foreground, np.median(score_maps[n][foreground]), 0)
        losses.append(max(full - float(vote(changed)[pixel]), 0.0))
    total = sum(losses)
    return {name: loss / total for name, loss in zip(names, losses, strict=True)} if total else {}


def _region(
    region: NDArray[np.bool_],
    anomaly: NDArray[np.float32],
    points: NDArray[np.float32],
    window: Window,
    pitch: float,
) -> Region:
    rows, columns = np.nonzero(region)
    length, width = _extents(points[region].astype(np.float64))
    values = anomaly[region]
    return Region(
        *_raw_place(float(rows.mean()), float(columns.mean()), window),
        length_mm=(length + pitch) * _MM,
        width_mm=(width + pitch) * _MM,
        mean=float(values.mean(dtype=np.float64)),
        highest=float(values.max()),
    )


def _extents(points: NDArray[np.float64]) -> tuple[float, float]:
    """How far (N, 3) points reach along their two longest axes, metres."""
    centred = points - points.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    along = np.ptp(centred @ axes, axis=0)
    longest = sorted(along.tolist(), reverse=True)
    return longest[0], longest[1]


def _pitch(points: NDArray[np.float32], foreground: NDArray[np.bool_]) -> float:
    """The median distance of neighbouring points of the part, metres: what one pixel is wide."""
    pairs = foreground[:, 1:] & foreground[:, :-1]
    steps = (points[:, 1:] - points[:, :-1])[pairs].astype(np.float64)
    return float(np.median(np.linalg.norm(steps, axis=-1))) if len(steps) else 0.0


def _raw_place(row: float, column: float, window: Window) -> tuple[int, int]:
    """Column and row of the raw scan under a pixel's centre."""
    return (
        int(window.left + (column + 0.5) * window.scale),
        int(window.top + (row + 0.5) * window.scale),
    )
