"""Features of single pixels, gathered from the cache's factors on the device.

F_RGB of a pixel is a weighted sum of 4 patch features and F_XYZ one of 3 group tokens (48 with the
reference's 3x3 mean), so maps of 50,176 x 1,920 values are never made for the pixels wanted.
"""

from collections.abc import Sequence
from copy import copy
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.cache.features import ScanFeatures
from pipeline.features.projection import PATCH, PATCHES, SIZE, bilinear_taps, pool_taps
from pipeline.whitening import FeatureSpace


class PixelFeatures:
    """Some scans' features on a device, read by (scan, pixel)."""

    def __init__(self, scans: Sequence[ScanFeatures], device: torch.device) -> None:
        self.device = device
        self.foreground = [np.flatnonzero(scan.foreground.ravel()) for scan in scans]  # (P,) each
        rgb = np.stack([scan.rgb for scan in scans])
        self._rgb = torch.from_numpy(rgb).to(device).flatten(0, 2)  # (S * 784, 768)
        self._offsets: tuple[Tensor, Tensor] | None = None
        self._rgb_taps = _patch_taps(device)
        self._pool = scans[0].pool
        if scans[0].points is None:
            self._load_factors(scans)
        else:
            self._load_dense(scans)

    def _load_factors(self, scans: Sequence[ScanFeatures]) -> None:
        tokens = np.stack([_set(scan.tokens) for scan in scans])
        self._groups = tokens.shape[1]
        self._tokens = torch.from_numpy(tokens).to(self.device).flatten(0, 1)  # (S * G, 1152)
        index = np.stack([_set(scan.index) for scan in scans]).reshape(-1, 3).astype(np.int32)
        weight = np.stack([_set(scan.weight) for scan in scans]).reshape(-1, 3)
        self._index = torch.from_numpy(index).to(self.device)  # (S * 50176, 3)
        self._weight = torch.from_numpy(weight).to(self.device)

    def _load_dense(self, scans: Sequence[ScanFeatures]) -> None:
        """Foreground pixels alone; each is its own token of weight 1."""
        rows = [_set(scan.points)[scan.foreground] for scan in scans]
        self._tokens = torch.from_numpy(np.concatenate(rows)).to(self.device)  # (sum P, 1152)
        self._groups = 0
        index = np.zeros((len(scans), SIZE * SIZE, 3), dtype=np.int32)
        weight = np.zeros((len(scans), SIZE * SIZE, 3), dtype=np.float16)
        start = 0
        for scan, pixels in enumerate(self.foreground):
            index[scan, pixels, 0] = start + np.arange(len(pixels))
            weight[scan, pixels, 0] = 1
            start += len(pixels)
        self._index = torch.from_numpy(index.reshape(-1, 3)).to(self.device)
        self._weight = torch.from_numpy(weight.reshape(-1, 3)).to(self.device)

    def __len__(self) -> int:
        return len(self.foreground)

    def project(self, space: FeatureSpace) -> "PixelFeatures":
        """The same pixels in another space; every value gathered is linear in the factors."""
        if space.rgb is None or space.xyz is None:
            return self
        projected = copy(self)
        projected._rgb = self._rgb.float() @ space.rgb.basis
        projected._tokens = self._tokens.float() @ space.xyz.basis
        projected._offsets = (space.rgb.offset, space.xyz.offset)
        return projected

    def widened(self) -> "PixelFeatures":
        """The same pixels from float32 tables: twice the memory, many times faster to gather."""
        wide = copy(self)
        wide._rgb, wide._tokens = self._rgb.float(), self._tokens.float()
        return wide

    def gather(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """Features of N pixels.

        Args:
            scan: (N,) int64 position of the scan; pixel: (N,) int64 y * 224 + x.

        Returns:
            F_RGB (N, 768) and F_XYZ (N, 1152), float32, or in the space projected to.
        """
        patch, patch_weight = self._rgb_taps
        rgb_index = scan[:, None] * (PATCHES * PATCHES) + patch[pixel]  # (N, 4)
        rgb = _weighted_rows(self._rgb, rgb_index, patch_weight[pixel])
        if self._pool:
            index, weight = self._pooled(scan, pixel)
        else:
            row = scan * (SIZE * SIZE) + pixel
            index, weight = self._index[row], self._weight[row].float()
        index = index + (scan * self._groups)[:, None]  # (N, 3), or (N, 48) with the 3x3 mean
        xyz = _weighted_rows(self._tokens, index, weight)
        if self._offsets is None:
            return rgb, xyz
        return rgb - self._offsets[0], xyz - self._offsets[1]

    def _pooled(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        """Taps of the 3x3 mean: (N, 48) token indices and weights."""
        first, taps = (torch.from_numpy(a).to(self.device) for a in pool_taps())
        y, x = pixel // SIZE, pixel % SIZE
        four = torch.arange(4, device=self.device)
        rows, columns = first[y][:, None] + four, first[x][:, None] + four  # (N, 4) each
        source = scan[:, None, None] * (SIZE * SIZE) + rows[:, :, None] * SIZE + columns[:, None]
        area = (taps[y][:, :, None] * taps[x][:, None]).float()  # (N, 4, 4)
        weight = self._weight[source].float() * area[..., None]  # (N, 4, 4, 3)
        return self._index[source].flatten(1), weight.flatten(1)


@cache
def _patch_taps(device: torch.device) -> tuple[Tensor, Tensor]:
    """Bilinear taps of every pixel: patch index (50176, 4) and weight (50176, 4)."""
    lower, upper_weight = bilinear_taps()
    corners, weights = [], []
    for dy in range(2):
        for dx in range(2):
            corners.append((lower + dy)[:, None] * PATCHES + (lower + dx))
            wy = upper_weight if dy else 1 - upper_weight
            wx = upper_weight if dx else 1 - upper_weight
            weights.append(wy[:, None] * wx)
    index = torch.from_numpy(np.stack(corners, axis=-1).reshape(-1, 4))
    weight = torch.from_numpy(np.stack(weights, axis=-1).reshape(-1, 4).astype(np.float32))
    return index.to(device), weight.to(device)


def _weighted_rows(table: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """(N, C) float32: sum over k of weight (N, K) times table[index (N, K)]."""
    if table.dtype != torch.float32:  # the sum is of the table's type: widen the rows it reads
        rows, index = index.unique(return_inverse=True)
        table = table[rows].float()
    return F.embedding_bag(index, table, mode="sum", per_sample_weights=weight)


def _set(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return array


def patch_of(pixel: np.ndarray) -> np.ndarray:
    """The 8x8 patch, y * 28 + x, that holds each pixel."""
    return (pixel // SIZE // PATCH) * PATCHES + pixel % SIZE // PATCH
