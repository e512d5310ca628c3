"""Takes the traits of a prepared scan, which `dataset/traits.py` names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import is_part
from .resize import restore_rgb

BRIGHTEST, BLACK = 250, 10  # of 255: at least so much in every channel; less luminance
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
LEAST_M = 1e-6  # m: added to a spread, so that a flat part has a logarithm


def scan_traits(rgb: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """(len(TRAITS),) float64: the traits of a scan, in the order of `TRAITS`; all are finite.

    Args:
        rgb, points: of a `PreparedScan`; at least two pixels are of the part.
    """
    part = is_part(points)
    return np.array([*_light(restore_rgb(rgb[:, None, part])[0]), *_place(points, part)])


def _light(seen: NDArray[np.uint8]) -> list[float]:
    """Of the part's pixels (P, 3); a step of 1 is added where a logarithm is taken."""
    colours = seen.astype(np.float64)
    light = colours @ np.array(LUMA)
    red, _, blue = (colours.mean(axis=0) + 1) / (colours.mean(axis=0) + 1).sum()
    return [
        np.log2(light.mean() + 1),
        (colours.min(axis=1) >= BRIGHTEST).mean(),
        (light < BLACK).mean(),
        np.log2((light.std() + 1) / (light.mean() + 1)),
        red,
        blue,
    ]


def _place(points: NDArray[np.float32], part: NDArray[np.bool_]) -> list[float]:
    """Of the part's points in m and of its pixels."""
    xyz = points[part].astype(np.float64)
    variances, axes = np.linalg.eigh(_covariance(xyz))
    lean = axes[:, 0] * (-1 if axes[2, 0] > 0 else 1)  # towards the camera
    spreads = np.sqrt(np.maximum(variances, 0)) + LEAST_M
    pixels = _covariance(np.argwhere(part).astype(np.float64))
    spread = np.trace(pixels)
    count = len(xyz)
    inner = int(part[1:-1, 1:-1].sum())
    return [
        np.log2(count),
        *np.log2(spreads[::-1]),
        *np.median(xyz, axis=0),
        *lean[:2],
        (pixels[1, 1] - pixels[0, 0]) / spread,
        2 * pixels[0, 1] / spread,
        1 - count / (count + _holes(part)),
        (count - inner) / count,
    ]


def _covariance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n) of values (P, n)."""
    centred = values - values.mean(axis=0)
    return np.einsum("pi,pj->ij", centred, centred) / len(values)


def _holes(part: NDArray[np.bool_]) -> int:
    """How many pixels without a point the part surrounds."""
    from scipy import ndimage  # here, for a stage that has nothing to do needs none of it

    rows, columns = np.nonzero(part.any(axis=1))[0], np.nonzero(part.any(axis=0))[0]
    box = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    labels, count = ndimage.label(~np.pad(box, 1))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return int(sizes[1:].sum() - sizes[labels[0, 0]])
