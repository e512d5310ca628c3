"""The lens distortion of OpenCV's model with five coefficients: k1, k2, p1, p2, k3.

Source: OpenCV's documentation of `calib3d`, "Detailed Description". All coordinates are normalised:
x / z and y / z in the camera's frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Coefficients = tuple[float, ...]
Values = NDArray[np.float64]

_ROUNDS = 50
_CLOSE = 1e-7  # normalised; a ten-thousandth of a pixel at a focal length of 1000


def distort(x: Values, y: Values, coefficients: Coefficients) -> tuple[Values, Values]:
    """Where a lens shows a direction; NaN beyond the radius at which the model folds back.

    Past that radius a direction far outside would be shown inside the image.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        shown = _shown(x, y, coefficients)
        unfolded = x * x + y * y < _fold(coefficients)
        return np.where(unfolded, shown[0], np.nan), np.where(unfolded, shown[1], np.nan)


def undistort(x: Values, y: Values, coefficients: Coefficients) -> tuple[Values, Values]:
    """The direction that a lens shows at (x, y), by iteration; NaN where none is found."""
    at_x, at_y = x, y
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(_ROUNDS):
            radial, dx, dy = _parts(at_x, at_y, coefficients)
            at_x, at_y = (x - dx) / radial, (y - dy) / radial
        shown = distort(at_x, at_y, coefficients)
        found = np.hypot(shown[0] - x, shown[1] - y) <= _CLOSE
    return np.where(found, at_x, np.nan), np.where(found, at_y, np.nan)


def _shown(x: Values, y: Values, coefficients: Coefficients) -> tuple[Values, Values]:
    radial, dx, dy = _parts(x, y, coefficients)
    return x * radial + dx, y * radial + dy


def _parts(x: Values, y: Values, coefficients: Coefficients) -> tuple[Values, Values, Values]:
    """The radial factor and the tangential shift."""
    k1, k2, p1, p2, k3 = coefficients
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return radial, 2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y


def _fold(coefficients: Coefficients) -> float:
    """The squared radius at which the distorted radius stops to grow; infinite where it never."""
    k1, k2, _, _, k3 = coefficients
    slope: Any = np.roots([7 * k3, 5 * k2, 3 * k1, 1])
    real = slope.real[(np.abs(slope.imag) < 1e-12) & (slope.real > 0)]
    return float(real.min(initial=np.inf))
