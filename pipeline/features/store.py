"""FeatureCache: the features of one category, the same view of either layout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..cache.reader import Store
from ..cache.schema import ArraySpec
from ..dataset.grid import SIZE
from .channels import Grid, Shapes, Tokens
from .interpolation import grid_map, points_map, pool_map

KIND = "features"


def feature_arrays(layout: str, rgb: Grid, points: Grid | Tokens) -> tuple[ArraySpec, ...]:
    """The arrays of a feature store, whose shapes come from the backbones.

    factored: of groups their `tokens` and, for each pixel, the `index` and `weight` of the three
    nearest centres (zero weight: background); of a grid its cells, `xyz`, and `foreground`.
    dense: `points`, the map that either makes, and `foreground`.
    """
    of_rgb = ArraySpec("rgb", (rgb.side, rgb.side, rgb.channels), "float16")
    foreground = ArraySpec("foreground", (SIZE, SIZE), "uint8")
    if layout == "dense":
        return of_rgb, ArraySpec("points", (SIZE, SIZE, points.channels), "float16"), foreground
    if isinstance(points, Grid):
        xyz = ArraySpec("xyz", (points.side, points.side, points.channels), "float16")
        return of_rgb, xyz, foreground
    return (
        of_rgb,
        ArraySpec("tokens", (points.count, points.channels), "float16"),
        ArraySpec("index", (SIZE, SIZE, 3), "uint16"),
        ArraySpec("weight", (SIZE, SIZE, 3), "float16"),
    )


@dataclass(frozen=True)
class ScanFeatures:
    """Features of one scan, as stored; R and X channels, of the paper's backbones 768 and 1152.

    Exactly one of (tokens, index, weight), xyz and points is set.
    """

    rgb: np.ndarray  # (S, S, R) float16, of the paper's backbone (28, 28, 768)
    foreground: np.ndarray  # (224, 224) bool
    pool: bool  # the 3x3 mean is still to be applied to tokens @ weights
    tokens: np.ndarray | None = None  # (G, X) float16
    index: np.ndarray | None = None  # (224, 224, 3) uint16
    weight: np.ndarray | None = None  # (224, 224, 3) float16
    points: np.ndarray | None = None  # (224, 224, X) float16
    xyz: np.ndarray | None = None  # (S', S', X) float16, cells of a grid

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], pool: bool) -> "ScanFeatures":
        """From one scan's row of each array of a feature store; `pool` is the param."""
        if "points" in arrays:  # dense: the 3x3 mean is in them
            return cls(arrays["rgb"], arrays["foreground"] != 0, False, points=arrays["points"])
        if "xyz" in arrays:
            return cls(arrays["rgb"], arrays["foreground"] != 0, False, xyz=arrays["xyz"])
        foreground = (arrays["weight"] != 0).any(axis=-1)
        factors = {name: arrays[name] for name in ("tokens", "index", "weight")}
        return cls(arrays["rgb"], foreground, pool, **factors)

    def points_map(self) -> Tensor:
        """F_XYZ as (224, 224, X) float32; zero on the background (without the 3x3 mean)."""
        if self.points is not None:
            return torch.from_numpy(self.points).float()
        if self.xyz is not None:
            return grid_map(torch.from_numpy(self.xyz), self.foreground)
        assert self.tokens is not None
        assert self.index is not None
        assert self.weight is not None
        dense = points_map(
            torch.from_numpy(self.tokens).float(),
            torch.from_numpy(self.index.astype(np.int64)),
            torch.from_numpy(self.weight).float(),
        )
        return pool_map(dense) if self.pool else dense


class FeatureCache:
    """Read-only features of one category, in the order of the manifest's rows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.samples = store.manifest.samples
        self._arrays = store.manifest.arrays
        self._pool = bool(store.manifest.inputs["points"].get("pool"))

    @classmethod
    def open(cls, path: Path, category: str) -> "FeatureCache":
        """Raises CacheError where the store is missing, incomplete, foreign or damaged."""
        return cls(Store.open(path, KIND, category))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def shapes(self) -> Shapes:
        """The shapes of the features, which the store's manifest holds."""
        shapes = {spec.name: spec.shape for spec in self._arrays}
        rgb = Grid(shapes["rgb"][0], shapes["rgb"][-1])
        if "xyz" in shapes:
            return Shapes(rgb, shapes["xyz"][-1], shapes["xyz"][0])
        return Shapes(rgb, shapes["tokens" if "tokens" in shapes else "points"][-1])

    def token_count(self, position: int) -> int:
        """Groups, or cells, of the scan at a position; in a dense store, its foreground pixels."""
        shapes = {spec.name: spec.shape for spec in self._arrays}
        if "points" not in shapes:
            return shapes["tokens"][0] if "tokens" in shapes else int(np.prod(shapes["xyz"][:2]))
        return int(np.count_nonzero(self.store.read("foreground", position)))

    def scan(self, position: int) -> ScanFeatures:
        """Features of the scan at a position."""
        arrays = {spec.name: self.store.read(spec.name, position) for spec in self._arrays}
        return ScanFeatures.of(arrays, self._pool)
