"""Random fields and curves, which shapes, colours and defects are drawn with."""

from functools import lru_cache

import numpy as np
from scipy import sparse

from .frame import FIELD_MM, Floats, Frame, Reals

SPLINE_STD = 0.4794  # of a cubic B-spline surface over white noise of unit variance

Colour = tuple[float, float, float]  # sRGB, 0 to 1


@lru_cache(maxsize=64)
def _spline(size: int, scale: float) -> sparse.csr_matrix:
    """Cubic B-spline weights (size, knots) of the pixel centres over knots `scale` mm apart.

    They are sparse, because sparse products add up in one fixed order; in a product by BLAS the
    order depends on the number of threads.
    """
    at = (np.arange(size) + 0.5) * (FIELD_MM / size) / scale
    knot = at.astype(int)
    t = at - knot
    inner = [3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1]
    weights = np.stack([(1 - t) ** 3, *inner, t**3])  # (4, size)
    rows = np.repeat(np.arange(size), 4)
    columns = (knot[:, None] + np.arange(4)).ravel()
    shape = (size, int(np.ceil(FIELD_MM / scale)) + 4)
    return sparse.csr_matrix(((weights.T / 6).ravel().astype(np.float32), (rows, columns)), shape)


def noise(frame: Frame, rng: np.random.Generator, scale: float) -> Floats:
    """Smooth field (S, S) of zero mean and unit variance with features `scale` mm wide.

    The knots lie in mm, not in pixels: every image size samples the same field.
    """
    basis = _spline(frame.size, scale)
    knots = rng.standard_normal((basis.shape[1], basis.shape[1]), dtype=np.float32)
    field = basis @ (basis @ knots).T
    return np.asarray(field.T / SPLINE_STD, dtype=np.float32)


def ramp(value: Reals, width: float) -> Floats:
    """A step from 0 below zero to 1 above `width`, smooth between them."""
    t = np.clip(value / np.float32(width), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def closed_curve(rng: np.random.Generator, amplitude: float, orders: range) -> Floats:
    """A periodic curve over 720 half degrees: the deviation of an outline from its circle."""
    order = np.array(orders)
    theta = np.linspace(0, 2 * np.pi, 721)
    size = rng.normal(0, amplitude, order.size) / np.sqrt(order - order[0] + 1)
    phase = rng.uniform(0, 2 * np.pi, order.size)
    waves = size * np.cos(theta[:, None] * order + phase)  # (721, orders)
    return waves.sum(axis=1).astype(np.float32)


def along(curve: Floats, theta: Floats) -> Floats:
    """The closed curve's value at each angle (radians)."""
    place = np.mod(theta, 2 * np.pi) * np.float32(360 / np.pi)
    low = place.astype(np.int32)
    part = place - low
    after = curve[np.minimum(low + 1, 720)]
    return np.asarray(curve[low] * (1 - part) + after * part, dtype=np.float32)


def mix(base: Floats, colour: Colour | Floats, weight: Reals) -> Floats:
    """Blend (3, ...) towards a colour by weight (...) in 0 to 1."""
    towards = np.asarray(colour, dtype=np.float32)
    if towards.ndim == 1:
        towards = towards[:, None, None]
    return np.asarray(base + (towards - base) * weight, dtype=np.float32)


def tinted(colour: Colour, tone: Reals) -> Floats:
    """The colour (3, ...) scaled by a tone (...) around 1."""
    return np.asarray(np.array(colour)[:, None, None] * tone, dtype=np.float32)
