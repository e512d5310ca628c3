"""What a rival sees: the cached features of some scans, and their points where it asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..compute.device import to_device
from ..features.cells import Cells
from ..features.pixels import PixelFeatures
from ..features.space import FeatureSpace

TILE = 4096  # pixels whose features are in memory at once
SPACE_PIXELS = 8192  # pixels that a space of components is fitted to, as MFM's


@dataclass(frozen=True)
class Scans:
    """Some scans of a category.

    Attributes:
        features: of their pixels.
        points: the organised point map (224, 224, 3), metres, of a scan by its number in
            `features`.
    """

    features: PixelFeatures
    points: Callable[[int], NDArray[np.float32]]
    white: dict[int, FeatureSpace] = field(default_factory=dict)  # by components, once fitted

    def __len__(self) -> int:
        return len(self.features)

    def in_space(self, space: FeatureSpace) -> Scans:
        """The same scans with their features in a space."""
        return Scans(self.features.in_space(space), self.points)

    def rows(
        self, scan: NDArray[np.int64], pixel: NDArray[np.int64], width: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """F_RGB (N, R) and F_XYZ (N, X) of N pixels; of a space, its first `width` components."""
        features = self.features
        rgb, xyz = features.gather(*(to_device(a, features.device) for a in (scan, pixel)))
        return rgb[:, :width], xyz[:, :width]

    def tiles(
        self, scan: int, pixel: NDArray[np.int64], width: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `rows` of pixels of one scan, a tile of them at a time."""
        for start in range(0, len(pixel), TILE):
            tile = pixel[start : start + TILE]
            yield self.rows(np.full(len(tile), scan), tile, width)

    def random_pixels(
        self, count: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Scan and pixel (N,) of about `count` foreground pixels, equally many of each scan."""
        each = max(1, count // len(self))
        pixel = [rng.choice(foreground, each) for foreground in self.features.foreground]
        return np.repeat(np.arange(len(self)), each), np.concatenate(pixel)

    def random_cells(
        self, side: int, count: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Scan and pixel (N,) of at most `count` cells, drawn from all without repeats."""
        pixels = [Cells.of(foreground, side).pixel for foreground in self.features.foreground]
        scan = np.repeat(np.arange(len(self)), [len(pixel) for pixel in pixels])
        pixel = np.concatenate(pixels)
        if len(pixel) <= count:
            return scan, pixel
        chosen = np.sort(rng.choice(len(pixel), count, replace=False))
        return scan[chosen], pixel[chosen]


def fit_space(
    scans: Scans, components: int | None, power: float, rng: np.random.Generator
) -> FeatureSpace:
    """The leading components of good scans' features, over their standard deviation to `power`.

    Without components the space is that of the features as they are; of fewer channels than
    components, all are kept. The decomposition takes most
    of a rival's fit, so rivals share it: with V a direction and s its standard deviation, the white
    basis is B = V / s, so that V / s^p = B |B|^(p - 1).
    """
    channels = scans.features.channels
    if components is None:
        return FeatureSpace(None, channels)
    components = min(components, *channels)
    if components not in scans.white:
        space = FeatureSpace(components, channels).to(scans.features.device)
        with torch.no_grad():
            space.fit(*scans.rows(*scans.random_pixels(SPACE_PIXELS, rng)), 1.0, constant=0.0)
        scans.white[components] = space
    space = deepcopy(scans.white[components])
    for part in (space.rgb, space.xyz):
        assert part is not None
        length = torch.linalg.vector_norm(part.basis, dim=0)  # 0 of the constant component
        factor = torch.where(length > 0, length, 1.0) ** (power - 1)
        part.basis *= factor
        part.offset *= factor
    return space


def bytes_of(*tensors: Tensor) -> int:
    """The memory that tensors take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
