"""The regions of a part that are above the threshold, and how far they stick out or sink in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .found import Inspection

MOST = 20  # regions that a result lists, those with the highest peaks
RING = 8  # pixels around a region that show what its surface should be
LEAST_RING = 40  # points of the ring below which they show nothing


@dataclass(frozen=True)
class DefectRegion:
    """A connected region of the part above the threshold.

    Attributes:
        box: left, top, right, bottom in pixels of the picture.
        centre_px: x, y in pixels of the picture.
        centre_mm: x, y, z in the camera's frame; None: it has no point.
        pixels: of the 224 x 224 map.
        area_mm2: of its surface; None: too few points.
        depth_mm: along the normal of the surface around it, how far its farthest points (the 5th
            or the 95th percentile) lie off a smooth continuation of it: above 0 towards the camera,
            below 0 into the part; None: too few points around it or in it.
        peak, mean: of the anomaly map.
    """

    box: tuple[float, float, float, float]
    centre_px: tuple[float, float]
    centre_mm: tuple[float, float, float] | None
    pixels: int
    area_mm2: float | None
    depth_mm: float | None
    peak: float
    mean: float


def regions(found: Inspection) -> list[DefectRegion]:
    """Return the connected regions of `found.mask`, the one with the highest peak first."""
    labels, count = ndimage.label(found.mask)
    places = ndimage.find_objects(labels)
    peaks = ndimage.maximum(found.anomaly_map, labels, range(1, count + 1)) if count else []
    order = np.argsort(-np.asarray(peaks), kind="stable")[:MOST]
    return [_region(found, labels == n + 1, places[n]) for n in order]


def _region(
    found: Inspection, inside: NDArray[np.bool_], place: tuple[slice, slice]
) -> DefectRegion:
    values = found.anomaly_map[inside]
    rows, columns = place
    y, x = (float(at.mean()) for at in np.nonzero(inside))
    points = found.scan.points[inside & found.foreground].astype(np.float64)
    left, top = _in_picture(found, columns.start, rows.start)
    right, bottom = _in_picture(found, columns.stop, rows.stop)
    x_mm, y_mm, z_mm = (points.mean(axis=0) * 1000).tolist() if len(points) else (0.0, 0.0, 0.0)
    return DefectRegion(
        box=(left, top, right, bottom),
        centre_px=_in_picture(found, x + 0.5, y + 0.5),
        centre_mm=(round(x_mm, 3), round(y_mm, 3), round(z_mm, 3)) if len(points) else None,
        pixels=int(inside.sum()),
        area_mm2=_area_mm2(found, inside),
        depth_mm=_depth_mm(found, inside),
        peak=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
    )


def _area_mm2(found: Inspection, inside: NDArray[np.bool_]) -> float | None:
    """Its pixels times the median area of those cells whose four corners are points of the part."""
    part, points = found.foreground, found.scan.points.astype(np.float64)
    whole = part[:-1, :-1] & part[1:, :-1] & part[:-1, 1:] & part[1:, 1:]
    cells = np.nonzero(whole & inside[:-1, :-1])
    if not len(cells[0]):
        return None
    y, x = cells
    first = points[y + 1, x + 1] - points[y, x]
    second = points[y + 1, x] - points[y, x + 1]
    areas = np.linalg.norm(np.cross(first, second), axis=1) / 2
    return round(float(np.median(areas) * inside.sum() * 1e6), 3)


def _depth_mm(found: Inspection, inside: NDArray[np.bool_]) -> float | None:
    near = ndimage.binary_dilation(inside, iterations=2)
    ring = ndimage.binary_dilation(inside, iterations=RING) & ~near & found.foreground & ~found.mask
    around = found.scan.points[ring].astype(np.float64)
    own = found.scan.points[inside & found.foreground].astype(np.float64)
    if len(around) < LEAST_RING or not len(own):
        return None
    middle = around.mean(axis=0)
    _, spread, axes = np.linalg.svd(around - middle, full_matrices=False)
    if spread[1] < 1e-9:  # a line of points has no surface
        return None
    normal = axes[2] if axes[2, 2] < 0 else -axes[2]  # towards the camera
    u, v = axes[0], axes[1]

    def terms(points: NDArray[np.float64]) -> NDArray[np.float64]:
        a, b = (points - middle) @ u / spread[0], (points - middle) @ v / spread[1]
        return np.stack([np.ones_like(a), a, b, a * a, a * b, b * b], axis=1)

    weights, *_ = np.linalg.lstsq(terms(around), (around - middle) @ normal, rcond=None)
    off = (own - middle) @ normal - terms(own) @ weights
    low, high = np.percentile(off, [5, 95])
    return round(float(high if high >= -low else low) * 1000, 3)


def _in_picture(found: Inspection, x: float, y: float) -> tuple[float, float]:
    """A place on the map's pixels, in pixels of the raw picture."""
    window = found.window
    return round(window.left + x * window.scale, 2), round(window.top + y * window.scale, 2)
