"""Nearest neighbours (PatchCore's and M3DM's form): a memory of good features a modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..features.cells import Cells
from ..features.space import FeatureSpace
from ..params.schema import Params
from ..training.sampling import generator
from .memory import Memory
from .scans import Scans, bytes_of, fit_space


@dataclass(frozen=True)
class Nearest:
    """A memory of each modality, asked once a cell.

    Attributes:
        space: that the features are compared in.
        side: of a cell, pixels.
        memories: of F_RGB and F_XYZ.
    """

    space: FeatureSpace
    side: int
    memories: tuple[Memory, ...]
    maps: ClassVar[tuple[str, ...]] = ("rgb", "xyz")
    join: ClassVar[str] = "calibrated"

    @property
    def bytes(self) -> int:
        return sum(memory.bytes for memory in self.memories) + bytes_of(*self.space.buffers())

    def scores(self, scans: Scans, scan: int) -> NDArray[np.float32]:
        """The distance to the nearest good feature, (2, P), at the foreground pixels of a scan."""
        cells = Cells.of(scans.features.foreground[scan], self.side)
        tiles = scans.in_space(self.space).tiles(scan, cells.pixel, self.space.components)
        parts = [
            np.stack(
                [m.distances(x).cpu().numpy() for m, x in zip(self.memories, pair, strict=True)]
            )
            for pair in tiles
        ]
        return np.concatenate(parts, axis=1)[:, cells.cell]


def fit_nearest(scans: Scans, params: Params, category: str) -> Nearest:
    """Keep a coreset of the good scans' features (`rivals.nearest`, `rivals.coreset`)."""
    options, coreset = params.rivals.nearest, params.rivals.coreset
    rng = generator(params.rivals.seed, "nearest", category)
    space = fit_space(
        scans, options.components, options.power, generator(params.rivals.seed, "space", category)
    )
    where = scans.random_cells(coreset.cell, coreset.candidates, rng)
    rows = scans.in_space(space).rows(*where, space.components)
    return Nearest(space, coreset.cell, tuple(fit_memory(x, params, rng) for x in rows))


def fit_memory(rows: Tensor, params: Params, rng: np.random.Generator) -> Memory:
    """A memory of good features (N, C), as `rivals.coreset` says."""
    options = params.rivals.coreset
    size = max(1, int(options.share * len(rows)))  # rounded down, as in PatchCore's code
    return Memory.fit(rows, size, options.projection, options.reweight, rng)
