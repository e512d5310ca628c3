"""BTF's form: point feature histograms (FPFH) beside the image's features, in one memory.

BTF joins a pixel's FPFH, a mean over 3 x 3 pixels, to its image feature and asks one memory for the
nearest. It leaves both in their own scale, so that histograms, whose bins are percents, outweigh
the image; here each of the two is divided by the spread of good parts, and counts as much.

Source: Horwitz and Hoshen, Back to the Feature (CVPR Workshops 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..compute.device import scan_threads, to_device
from ..dataset.grid import SIZE, is_part
from ..features.cells import Cells
from ..params.schema import Params
from ..training.sampling import generator
from .fpfh import WIDTH, fpfh, point_normals
from .memory import Memory
from .nearest import fit_memory
from .scans import Scans


@dataclass(frozen=True)
class Histograms:
    """A memory of histograms, and one of histograms beside image features.

    Attributes:
        side: of a cell, pixels.
        scale: what image features and histograms are divided by in the second.
        memories: of FPFH, and of both.
    """

    side: int
    scale: tuple[float, float]
    memories: tuple[Memory, Memory]
    maps: ClassVar[tuple[str, ...]] = ("fpfh", "joined")
    join: ClassVar[str] = "memory"

    @property
    def bytes(self) -> int:
        return sum(memory.bytes for memory in self.memories)

    def scores(self, scans: Scans, scan: int) -> NDArray[np.float32]:
        """The distance to the nearest good row in both memories, (2, P), at the foreground."""
        cells = Cells.of(scans.features.foreground[scan], self.side)
        of_points = to_device(histogram_map(scans.points(scan))[cells.pixel], scans.features.device)
        parts, start = [], 0
        for rgb, _ in scans.tiles(scan, cells.pixel):
            rows = of_points[start : start + len(rgb)]
            start += len(rgb)
            pair = rows, _beside(rgb, rows, self.scale)
            parts.append([m.distances(x) for m, x in zip(self.memories, pair, strict=True)])
        distances = torch.cat([torch.stack(part) for part in parts], dim=1)
        return distances.cpu().numpy()[:, cells.cell]


def histogram_map(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """FPFH of an organised point map (224, 224, 3): (50176, 33) float32, 0 on the background.

    Each is the mean over the foreground among 3 x 3 pixels.
    """
    from scipy.ndimage import uniform_filter

    foreground = is_part(points)
    each = np.zeros((SIZE, SIZE, WIDTH))
    found = points[foreground].astype(np.float64)
    each[foreground] = fpfh(found, point_normals(found))
    share = uniform_filter(foreground.astype(np.float64), 3, mode="constant")
    mean = uniform_filter(each, (3, 3, 1), mode="constant")
    mean[foreground] /= share[foreground][:, None]
    mean[~foreground] = 0
    return mean.reshape(-1, WIDTH).astype(np.float32)


def fit_histograms(scans: Scans, params: Params, category: str) -> Histograms:
    """Keep coresets of the good scans' histograms (`rivals.coreset`)."""
    coreset = params.rivals.coreset
    rng = generator(params.rivals.seed, "btf", category)
    scan, pixel = scans.random_cells(coreset.cell, coreset.candidates, rng)
    rgb, _ = scans.rows(scan, pixel)
    device = scans.features.device
    with scan_threads(device) as pool:
        found = pool.map(
            lambda n: histogram_map(scans.points(n))[pixel[scan == n]], range(len(scans))
        )
        rows = to_device(np.concatenate(list(found)), device)
    scale = _spread(rgb), _spread(rows)
    pair = rows, _beside(rgb, rows, scale)
    first, second = (fit_memory(x, params, rng) for x in pair)
    return Histograms(coreset.cell, scale, (first, second))


def _beside(rgb: Tensor, rows: Tensor, scale: Iterable[float]) -> Tensor:
    """Image features (N, R) and histograms (N, 33), each over its scale: (N, R + 33)."""
    return torch.cat([x.float() / s for x, s in zip((rgb, rows), scale, strict=True)], dim=1)


def _spread(rows: Tensor) -> float:
    """The root mean square distance of rows (N, C) from their mean; 1 where there is none."""
    return float(rows.float().var(dim=0, correction=0).sum().sqrt()) or 1.0
