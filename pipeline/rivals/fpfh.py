"""Fast point feature histograms of one scan: 33 numbers a point, without any training.

Two oriented points p_s, p_t make Darboux's frame u = n_s, v = (p_t - p_s) x u / |..|, w = u x v and
three angles: alpha = v . n_t, phi = u . (p_t - p_s) / |p_t - p_s| and
theta = atan2(w . n_t, u . n_t); the source is the point whose normal is nearer to the line between
the two. A point's simple histogram (SPFH) has 11 bins of each over its neighbours, in percent;
FPFH adds those of its neighbours, weighted by 1 / distance^2 and scaled to 100 percent an angle.

Source: Rusu et al. (ICRA 2009); weights and scale of PCL and Open3D, which BTF uses, with BTF's
numbers of neighbours. Its radii (0.1 and 0.25 m) are larger than its parts and so cut nothing off.
"""

import numpy as np
from numpy.typing import NDArray

BINS = 11  # of each of the three angles
WIDTH = 3 * BINS
NORMAL_NEIGHBOURS = 30  # the point itself among them
NEIGHBOURS = 100
CHUNK = 1024  # points whose pairs are in memory at once

Floats = NDArray[np.float64]


def point_normals(points: Floats, neighbours: int = NORMAL_NEIGHBOURS) -> Floats:
    """Unit normals (P, 3) of points (P, 3), turned to the sensor at the origin.

    A normal is the direction of least variance of a point's nearest neighbours.
    """
    from scipy.spatial import cKDTree

    count = min(neighbours, len(points))
    _, index = cKDTree(points).query(points, k=range(1, count + 1))
    near = points[index]  # (P, K, 3)
    near = near - near.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(near.transpose(0, 2, 1) @ near)
    normals = vectors[:, :, 0]
    away = np.einsum("pc,pc->p", normals, points) > 0
    return np.where(away[:, None], -normals, normals)


def fpfh(points: Floats, normals: Floats, neighbours: int = NEIGHBOURS) -> Floats:
    """FPFH (P, 33) of points (P, 3), any unit, with unit normals (P, 3).

    Args:
        neighbours: nearest points that count, the point itself among them.
    """
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    count = min(neighbours, len(points))
    distance, index = cKDTree(points).query(points, k=range(1, count + 1))
    distance, index = distance[:, 1:], index[:, 1:]  # without the point itself
    spfh = np.concatenate(
        [
            _spfh(points, normals, np.arange(start, min(start + CHUNK, len(points))), index)
            for start in range(0, len(points), CHUNK)
        ]
    )
    with np.errstate(divide="ignore"):
        weight = np.where(distance > 0, 1 / np.square(distance), 0)
    ends = np.arange(len(points) + 1) * index.shape[1]
    shape = (len(points), len(points))
    around = csr_array((weight.ravel(), index.ravel(), ends), shape=shape) @ spfh
    around = around.reshape(-1, 3, BINS)
    total = around.sum(axis=2, keepdims=True)
    around *= np.divide(100, total, out=np.zeros_like(total), where=total != 0)
    return spfh + around.reshape(-1, WIDTH)


def pair_angles(
    source: Floats, source_normal: Floats, target: Floats, target_normal: Floats
) -> tuple[Floats, Floats, Floats]:
    """theta in [-pi, pi], alpha and phi in [-1, 1] of pairs of oriented points, all (..., 3).

    All three are 0 where the points coincide or the line between them is along the normal.
    """
    line = target - source
    length = np.sqrt(np.einsum("...c,...c->...", line, line))
    line = np.divide(line, length[..., None], out=np.zeros_like(line), where=length[..., None] > 0)
    of_source = np.einsum("...c,...c->...", source_normal, line)
    of_target = np.einsum("...c,...c->...", target_normal, line)
    swap = np.abs(of_source) < np.abs(of_target)
    u = np.where(swap[..., None], target_normal, source_normal)
    other = np.where(swap[..., None], source_normal, target_normal)
    line = np.where(swap[..., None], -line, line)
    phi = np.where(swap, -of_target, of_source)
    v = _cross(line, u)
    norm = np.sqrt(np.einsum("...c,...c->...", v, v))[..., None]
    known = norm[..., 0] > 0
    v = np.divide(v, norm, out=np.zeros_like(v), where=norm > 0)
    w = _cross(u, v)
    alpha = np.einsum("...c,...c->...", v, other)
    theta = np.arctan2(np.einsum("...c,...c->...", w, other), np.einsum("...c,...c->...", u, other))
    return np.where(known, theta, 0), np.where(known, alpha, 0), np.where(known, phi, 0)


def _spfh(
    points: Floats, normals: Floats, rows: NDArray[np.int64], index: NDArray[np.int64]
) -> Floats:
    """Simple histograms (n, 33) of some points, in percent of their pairs."""
    near = index[rows]  # (n, K)
    angles = pair_angles(points[rows, None], normals[rows, None], points[near], normals[near])
    theta, alpha, phi = angles
    shares = (theta + np.pi) / (2 * np.pi), (alpha + 1) / 2, (phi + 1) / 2
    place = np.arange(len(rows))[:, None] * WIDTH
    bins = [
        place + offset * BINS + np.clip((BINS * share).astype(np.int64), 0, BINS - 1)
        for offset, share in enumerate(shares)
    ]
    counts = np.bincount(np.concatenate(bins, axis=1).ravel(), minlength=len(rows) * WIDTH)
    return counts.reshape(len(rows), WIDTH) * (100 / max(near.shape[1], 1))


def _cross(a: Floats, b: Floats) -> Floats:
    """The vector product over the last axis, which numpy's own takes four times as long for."""
    (ax, ay, az), (bx, by, bz) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
