"""The regions of a part that are above the threshold."""

import numpy as np
from scipy import ndimage

from ..inspection.inspector import Inspection
from .answers import FoundRegion

MOST = 20  # regions that a result lists, those with the highest peaks


def regions(found: Inspection) -> list[FoundRegion]:
    """Return the connected regions of `found.mask`, the one with the highest peak first."""
    labels, count = ndimage.label(found.mask)
    slices = ndimage.find_objects(labels)
    each = [_region(found, labels == n + 1, slices[n]) for n in range(count)]
    return sorted(each, key=lambda region: -region.peak)[:MOST]


def _region(found: Inspection, inside: np.ndarray, place: tuple[slice, slice]) -> FoundRegion:
    values = found.anomaly_map[inside]
    rows, columns = place
    y, x = (float(at.mean()) for at in np.nonzero(inside))
    points = found.scan.points[inside]
    points = points[np.any(points != 0, axis=-1)]
    centre = tuple(float(c) for c in points.mean(axis=0) * 1000) if len(points) else None
    left, top = _in_picture(found, columns.start, rows.start)
    right, bottom = _in_picture(found, columns.stop, rows.stop)
    return FoundRegion(
        box=(left, top, right, bottom),
        centre_px=_in_picture(found, x + 0.5, y + 0.5),
        centre_mm=centre,  # type: ignore[arg-type]
        pixels=int(inside.sum()),
        peak=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
    )


def _in_picture(found: Inspection, x: float, y: float) -> tuple[float, float]:
    """A place on the map's pixels, in pixels of the raw picture."""
    window = found.window
    return window.left + x * window.scale, window.top + y * window.scale
