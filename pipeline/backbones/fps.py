"""Furthest point sampling with the published CUDA kernel's exact semantics (pointnet2_ops)."""

import numpy as np

from ..plumbing.errors import DataError

IMPLEMENTATION = "numpy-1"  # named in the store: pointnet2_ops semantics, version of this file
SKIP_RADIUS_SQUARED = 1e-3  # metres squared: the kernel ignores points nearer to the origin
MAX_LANES = 512


def _tie_order(n: int) -> np.ndarray:
    """Return the order of n points in which the first of several maxima is the kernel's winner.

    The kernel reduces over T lanes (largest power of two <= n, at most 512) in a tree, so of
    equally distant points the one with the smallest bit-reversed lane wins, then the lowest index.
    """
    bits = min(int(np.log2(n)), int(np.log2(MAX_LANES)))
    lane = np.arange(n) % (1 << bits)
    reversed_lane = np.zeros(n, dtype=np.int64)
    for bit in range(bits):
        reversed_lane |= ((lane >> bit) & 1) << (bits - 1 - bit)
    return np.lexsort((np.arange(n), reversed_lane))


def furthest_point_sampling(points: np.ndarray, count: int) -> np.ndarray:
    """Indices of `count` points, each the furthest from those before it.

    Args:
        points: (N, 3) float32, any unit; the kernel's skip ball is in that unit.
        count: number of centres K; with K > N points repeat, as in the kernel.

    Returns:
        (K,) int32; the first is always 0. Points with |p|^2 <= 1e-3 are never chosen otherwise.

    Raises:
        DataError: no points.

    Source: pointnet2_ops `furthest_point_sampling_kernel`.
    """
    if len(points) == 0:
        raise DataError("furthest point sampling got no points; the foreground is empty")
    points = np.ascontiguousarray(points, dtype=np.float32)
    order = _tie_order(len(points))
    x, y, z = np.ascontiguousarray(points[order].T)  # (N,) each
    taking_part = (x * x + y * y + z * z).astype(np.float64) > SKIP_RADIUS_SQUARED
    order, x, y, z = order[taking_part], x[taking_part], y[taking_part], z[taking_part]
    chosen = np.zeros(count, dtype=np.int32)
    if len(order) == 0:
        return chosen
    nearest = np.full(len(order), 1e10, dtype=np.float32)
    distance, square = np.empty_like(nearest), np.empty_like(nearest)
    last = points[0]
    for k in range(1, count):
        np.subtract(x, last[0], out=distance)
        np.multiply(distance, distance, out=distance)
        np.subtract(y, last[1], out=square)
        np.multiply(square, square, out=square)
        np.add(distance, square, out=distance)
        np.subtract(z, last[2], out=square)
        np.multiply(square, square, out=square)
        np.add(distance, square, out=distance)
        np.minimum(nearest, distance, out=nearest)
        best = int(nearest.argmax())
        chosen[k] = order[best]
        last = points[chosen[k]]
    return chosen
