"""CPU seconds per scan of the foreground extraction, beside the published steps taken literally.

Over generated and golden scans of 400 and 800 pixels a side. The reference is M3DM's preparation
without Open3D: 1,000 planes through 50 random points of the border each, a refit, scikit-learn's
DBSCAN, the largest label (noise is one). Both run on one thread.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.cluster import DBSCAN
from threadpoolctl import threadpool_limits

from bench.figures import Figure, Row
from bench.harness import Bench
from bench.project import shipped_params
from mentor3ad.demo.parts import CATEGORIES
from mentor3ad.demo.scan import render_scan, scan_seed
from mentor3ad.preparation.foreground import extract_foreground
from testbed.paths import ROOT

GOLDEN = ROOT / "tests" / "golden" / "10_plane_removal"
OPTIONS = shipped_params().data.preparation
RUNS = 5  # of ours, their median; the reference runs once
MEMORY = 2e9  # bytes of DBSCAN's neighbour lists above which the reference is left out

Points = NDArray[np.float32]


def golden_scan(name: str, zoom: int = 1) -> Points:
    """(H, W, 3) metres; at zoom 2 the same scene at half the pitch."""
    with np.load(GOLDEN / f"{name}.npz") as golden:
        grid = [np.interp(_steps(len(a), zoom), np.arange(len(a)), a) for a in _axes(golden)]
        depth = golden["scan"].repeat(zoom, 0).repeat(zoom, 1)
        valid = golden["valid"].repeat(zoom, 0).repeat(zoom, 1)
    x, y = np.meshgrid(*grid)
    return np.where(valid[..., None], np.stack([x, y, depth], axis=-1), 0).astype(np.float32)


def _axes(golden: dict[str, NDArray[np.float32]]) -> tuple[Points, Points]:
    return golden["x_row"], golden["y_col"]


def _steps(n: int, zoom: int) -> NDArray[np.float64]:
    return np.arange(n * zoom) / zoom


def scans(zooms: int) -> Iterator[tuple[str, Points]]:
    for zoom in range(1, zooms + 1):
        for category in CATEGORIES:
            seed = scan_seed(0, category, "test/good", 0)
            yield category, render_scan(category, seed, 400 * zoom).xyz
        for name in ("square400", "rect350x280"):
            yield f"golden {name}", golden_scan(name, zoom)


def reference_plane(points: Points) -> NDArray[np.float64]:
    """(4,): unit normal and offset of the border's plane."""
    n = OPTIONS.border_px
    band = [points[:n], points[-n:], points[:, :n], points[:, -n:]]
    border = np.concatenate([side.reshape(-1, 3) for side in band]).astype(np.float64)
    border = border[border.any(axis=1)]
    rng = np.random.default_rng(0)
    best = np.zeros(len(border), dtype=bool)
    for _ in range(1000):
        plane = fit_plane(border[rng.choice(len(border), 50, replace=False)])
        inliers = np.abs(border @ plane[:3] + plane[3]) <= OPTIONS.inlier_m
        if inliers.sum() > best.sum():
            best = inliers
    return fit_plane(border[best])


def fit_plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = points.mean(axis=0)
    normal = np.linalg.eigh((points - centre).T @ (points - centre))[1][:, 0]
    return np.append(normal, -normal @ centre)


def reference(points: Points) -> NDArray[np.bool_] | None:
    """(H, W) bool: the part, or None where scikit-learn's neighbour lists take too much memory."""
    plane = reference_plane(points)
    near = np.abs(points @ plane[:3] + plane[3]) < OPTIONS.removal_m
    mask = points.all(axis=-1) & ~near
    cloud = points[mask].astype(np.float64)
    sample = cloud[:: max(1, len(cloud) // 500)]
    counts = cKDTree(cloud).query_ball_point(sample, OPTIONS.cluster_eps_m, return_length=True)
    if counts.mean() * len(cloud) * 8 > MEMORY:
        return None
    labels = DBSCAN(eps=OPTIONS.cluster_eps_m, min_samples=OPTIONS.cluster_min_points).fit_predict(
        cloud
    )
    values, sizes = np.unique(labels, return_counts=True)
    mask[mask] = labels == values[sizes.argmax()]
    return mask


def seconds(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def compare(points: Points) -> dict[str, Figure]:
    ours = extract_foreground(points, OPTIONS).mask
    fast = seconds(lambda: extract_foreground(points, OPTIONS), RUNS)
    start = time.process_time()
    theirs = reference(points)
    slow = time.process_time() - start
    figures: dict[str, Figure] = {"pixels": ours.size, "points": int(ours.sum()), "cpu_s": fast}
    if theirs is None:
        return figures | {"note": f"the reference needs over {MEMORY / 1e9:.0f} GB"}
    iou = float((ours & theirs).sum() / (ours | theirs).sum())
    return figures | {"reference_cpu_s": slow, "times_reference": slow / fast, "iou": iou}


def foreground(bench: Bench) -> list[Row]:
    with threadpool_limits(1):
        return [Row(name, compare(points)) for name, points in scans(1 if bench.quick else 2)]
