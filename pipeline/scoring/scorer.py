"""The one scoring path (section III, test phase): features in, three score maps out.

Evaluation, prediction and the benchmark share it; it knows nothing of DVC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..cache.maps import MAPS, NEAR_MAPS
from ..cache.schema import StoreManifest
from ..compute.device import Each, resolve_precision, scan_threads, to_device
from ..dataset.grid import SIZE
from ..features.cells import Cells
from ..features.pixels import PixelFeatures, PooledTaps, Taps
from ..fusion.network import Fusion
from ..guidance.network import Guidance
from ..mentor.losses import cosine_difference
from ..mentor.modules import module_sha256
from .frozen import FrozenFusion, FrozenMapping, FrozenSource

# Pixels scored at once on the CPU. They bound the memory: at the widest, all 768 and 1,152
# channels, a tile takes about 50 MB, however many pixels the part has. The last one is filled up to
# a multiple of STEP: the CPU's matrix library compiles and keeps its code for every number of rows
# that it meets. A GPU wants more rows, and has the memory.
TILE = 1024
STEP = 256
CELL = 4  # pixels: side of the blocks of which each asks the memory once


def score_inputs(features: StoreManifest, mfm: Path, mgm: Path, precision: str) -> dict[str, Any]:
    """All that score maps depend on, for their store's identity.

    Args:
        features: what their store says of itself; mfm, mgm: the modules' folders.
    """
    return {
        "features": features.fingerprint,
        "mfm": module_sha256(mfm),
        "mgm": module_sha256(mgm),
        "precision": precision,
    }


@dataclass(frozen=True)
class _Modality:
    """The tables of one modality that pixels are summed from: features and their two products.

    Attributes:
        tables: (T, C), (T, H) and (T, H') float32; the taps of a pixel sum rows of each.
        offsets: what is subtracted from the sums, (1, C) and so on; None: nothing.
    """

    tables: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...] | None

    @classmethod
    def of(cls, source: FrozenSource, table: Tensor, offset: Tensor | None) -> "_Modality":
        offsets = None if offset is None else source.products(offset[None])
        return cls(source.products(table.float()), offsets)

    def at(self, taps: Taps | PooledTaps) -> list[Tensor]:
        """Features (N, C) and both products (N, H), (N, H') of N pixels, float32."""
        sums = [taps.sum(table) for table in self.tables]
        if self.offsets is not None:
            for total, offset in zip(sums, self.offsets, strict=True):
                total -= offset
        return sums

    def features(self, taps: Taps | PooledTaps) -> Tensor:
        """Features (N, C) of N pixels alone, float32."""
        total = taps.sum(self.tables[0])
        return total if self.offsets is None else total - self.offsets[0]


class Scorer:
    """MFM and MGM, frozen, on one device."""

    def __init__(self, fusion: Fusion, guidance: Guidance, precision: str) -> None:
        self.space, self.precision = fusion.space, precision
        device = next(fusion.parameters()).device
        dtype = getattr(torch, resolve_precision(device, precision))
        self._fusion = FrozenFusion(fusion, dtype)
        self._to_rgb = FrozenMapping(guidance.to_rgb, dtype)
        self._to_xyz = FrozenMapping(guidance.to_xyz, dtype)
        self._sources = (
            FrozenSource(self._fusion.rgb, self._to_xyz),
            FrozenSource(self._fusion.xyz, self._to_rgb),
        )
        self._memories = guidance.kept
        self.maps = MAPS + NEAR_MAPS[: len(self._memories)]  # names, in their order

    @torch.inference_mode()
    def score_maps(self, features: PixelFeatures, scan: int, each: Each = map) -> np.ndarray:
        """The maps of one of the scans: (K, 224, 224) float32, 0 on the background.

        S_RGB, S_XYZ and S_Mtr, and behind them the distances to the memories that MGM keeps.

        This is for the CPU, where a scan's bits depend on no other.

        Args:
            each: applies a function to modalities and to tiles: `map`, or that of some threads.
        """
        features = features.in_space(self.space)
        rgb, xyz = self._modalities(features, each)
        device, pixels = features.device, features.foreground[scan]

        def taps(tile: np.ndarray) -> tuple[Taps | PooledTaps, Taps | PooledTaps]:
            filled = np.pad(tile, (0, -len(tile) % STEP), mode="edge")
            pixel = to_device(filled, device)
            return features.taps(torch.full_like(pixel, scan), pixel)

        @torch.inference_mode()  # the mode is a thread's own
        def scores(tile: np.ndarray) -> Tensor:
            patches, tokens = taps(tile)
            return self.pixel_scores(rgb.at(patches), xyz.at(tokens))[:, : len(tile)]

        @torch.inference_mode()
        def distances(tile: np.ndarray) -> Tensor:
            return self._distances(rgb, xyz, *taps(tile))[:, : len(tile)]

        maps = np.zeros((len(self.maps), SIZE * SIZE), dtype=np.float32)
        if len(pixels):
            maps[: len(MAPS), pixels] = _tiled(scores, pixels, each)
        if len(pixels) and self._memories:
            cells = Cells.of(pixels, CELL)
            maps[len(MAPS) :, pixels] = _tiled(distances, cells.pixel, each)[:, cells.cell]
        return maps.reshape(len(self.maps), SIZE, SIZE)

    @torch.inference_mode()
    def score_together(self, features: PixelFeatures) -> np.ndarray:
        """The maps of all scans: (S, K, 224, 224) float32.

        This is for a GPU: all scans are queued before the first map is waited for, so that the host
        and the device work side by side.
        """
        features = features.in_space(self.space)
        rgb, xyz = self._modalities(features, map)
        device, count = features.device, len(self.maps)
        maps = torch.zeros(len(features), SIZE * SIZE, count, device=device)
        for scan, pixels in enumerate(features.foreground):
            patches, tokens = features.scan_taps(scan)
            scores = self.pixel_scores(rgb.at(patches), xyz.at(tokens))
            where = to_device(pixels, device)
            maps[scan, where, : len(MAPS)] = scores.T
            if self._memories:
                cells = Cells.of(pixels, CELL)
                pixel = to_device(cells.pixel, device)
                taps = features.taps(torch.full_like(pixel, scan), pixel)
                near = self._distances(rgb, xyz, *taps)
                maps[scan, where, len(MAPS) :] = near[:, to_device(cells.cell, device)].T
        return maps.mT.reshape(len(features), count, SIZE, SIZE).cpu().numpy()

    def score_one(self, features: PixelFeatures) -> np.ndarray:
        """`score_maps` of one scan that waits alone, on all cores and to the same bits."""
        if features.device.type != "cpu":
            return self.score_together(features)[0]
        with scan_threads(features.device) as pool:
            return self.score_maps(features, 0, pool.map)

    def _modalities(self, features: PixelFeatures, each: Each) -> list[_Modality]:
        offsets = features.offsets or (None, None)
        modality = torch.inference_mode()(_Modality.of)
        return list(each(modality, self._sources, features.tables, offsets))

    def _distances(
        self, rgb: _Modality, xyz: _Modality, patches: Taps | PooledTaps, tokens: Taps | PooledTaps
    ) -> Tensor:
        """The distances (K, N) float32 of N pixels to each of the memories."""
        found = {"rgb": (rgb, patches), "xyz": (xyz, tokens)}
        features = {name: table.features(taps) for name, (table, taps) in found.items()}
        return torch.stack([m.distances(features[name]) for name, m in self._memories.items()])

    def pixel_scores(self, rgb: list[Tensor], xyz: list[Tensor]) -> Tensor:
        """S_RGB, S_XYZ and S_Mtr (eq. 5) of N pixels: (3, N) float32.

        Each is 1 - cosine of a feature and its reconstruction, and F~_Mtr is MFM of the two others'
        reconstructions.

        Args:
            rgb, xyz: features in MFM's feature space, and their products; see `_Modality.at`.
        """
        fusion = self._fusion
        (f_rgb, rgb_in_mfm, rgb_in_mgm), (f_xyz, xyz_in_mfm, xyz_in_mgm) = rgb, xyz
        projections = (
            fusion.rgb.of_product(f_rgb, rgb_in_mfm),
            fusion.xyz.of_product(f_xyz, xyz_in_mfm),
        )
        mentor = fusion.fuse(*projections)
        rgb_predicted = self._to_rgb.of_product(xyz_in_mgm, mentor)
        xyz_predicted = self._to_xyz.of_product(rgb_in_mgm, mentor)
        mentor_predicted = fusion(rgb_predicted, xyz_predicted)
        pairs = (rgb_predicted, f_rgb), (xyz_predicted, f_xyz), (mentor_predicted, mentor)
        return torch.stack([cosine_difference(a, b) for a, b in pairs])


def _tiled(work: Callable[[np.ndarray], Tensor], pixels: np.ndarray, each: Each) -> np.ndarray:
    """Apply work to pixels (P,) by tiles; it gives (K, tile) of a tile, and this (K, P)."""
    tiles = [pixels[start : start + TILE] for start in range(0, len(pixels), TILE)]
    return np.asarray(torch.cat(list(each(work, tiles)), dim=1).cpu().numpy())
