"""FeatureCache: the features of one category, the same view of either layout."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..cache.reader import Store
from ..cache.schema import ArraySpec
from ..dataset.grid import PATCHES, SIZE
from .channels import POINT_CHANNELS, RGB_CHANNELS
from .interpolation import points_map, pool_map

KIND = "features"


def feature_arrays(layout: str, groups: int) -> tuple[ArraySpec, ...]:
    """The arrays of a feature store.

    factored: `tokens` of the groups and, for each pixel, the `index` and `weight` of the three
    nearest centres (zero weight: background). dense: `points`, their product, and `foreground`.
    """
    rgb = ArraySpec("rgb", (PATCHES, PATCHES, RGB_CHANNELS), "float16")
    if layout == "dense":
        points = ArraySpec("points", (SIZE, SIZE, POINT_CHANNELS), "float16")
        return rgb, points, ArraySpec("foreground", (SIZE, SIZE), "uint8")
    return (
        rgb,
        ArraySpec("tokens", (groups, POINT_CHANNELS), "float16"),
        ArraySpec("index", (SIZE, SIZE, 3), "uint16"),
        ArraySpec("weight", (SIZE, SIZE, 3), "float16"),
    )


@dataclass(frozen=True)
class ScanFeatures:
    """Features of one scan, as stored. Exactly one of (tokens, index, weight) and points is set."""

    rgb: np.ndarray  # (28, 28, 768) float16
    foreground: np.ndarray  # (224, 224) bool
    pool: bool  # the 3x3 mean is still to be applied to tokens @ weights
    tokens: np.ndarray | None = None  # (G, 1152) float16
    index: np.ndarray | None = None  # (224, 224, 3) uint16
    weight: np.ndarray | None = None  # (224, 224, 3) float16
    points: np.ndarray | None = None  # (224, 224, 1152) float16

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], pool: bool) -> "ScanFeatures":
        """From one scan's row of each array of a feature store; `pool` is the param."""
        if "points" in arrays:  # dense: the 3x3 mean is in them
            return cls(arrays["rgb"], arrays["foreground"] != 0, False, points=arrays["points"])
        foreground = (arrays["weight"] != 0).any(axis=-1)
        factors = {name: arrays[name] for name in ("tokens", "index", "weight")}
        return cls(arrays["rgb"], foreground, pool, **factors)

    def points_map(self) -> Tensor:
        """F_XYZ as (224, 224, 1152) float32; zero on the background (without the 3x3 mean)."""
        if self.points is not None:
            return torch.from_numpy(self.points).float()
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
        self._pool = bool(store.manifest.inputs["points"]["pool"])

    @classmethod
    def open(cls, path: Path, category: str) -> "FeatureCache":
        """Raises CacheError where the store is missing, incomplete, foreign or damaged."""
        return cls(Store.open(path, KIND, category))

    def __len__(self) -> int:
        return len(self.samples)

    def token_count(self, position: int) -> int:
        """Groups of the scan at a position; in a dense store, its foreground pixels."""
        for spec in self._arrays:
            if spec.name == "tokens":
                return spec.shape[0]
        return int(np.count_nonzero(self.store.read("foreground", position)))

    def scan(self, position: int) -> ScanFeatures:
        """Features of the scan at a position."""
        arrays = {spec.name: self.store.read(spec.name, position) for spec in self._arrays}
        return ScanFeatures.of(arrays, self._pool)
