"""The one scoring path (section III, test phase): features in, three score maps out.

Evaluation, prediction and the benchmark share it; it knows nothing of DVC.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.cache.maps import MAPS
from pipeline.cache.schema import StoreManifest
from pipeline.device import autocast, scan_threads
from pipeline.features.projection import SIZE
from pipeline.fusion import Fusion
from pipeline.guidance import Guidance
from pipeline.losses import cosine_difference
from pipeline.modules import module_sha256
from pipeline.pixels import PixelFeatures

# Pixels scored at once. They bound the memory: at the widest, all 768 and 1,152 channels, a tile
# takes about 100 MB, however many pixels the part has. The last one is filled up to a multiple of
# STEP: the CPU's matrix library compiles and keeps its code for every number of rows that it meets.
TILE = 2048
STEP = 256

M = TypeVar("M", Fusion, Guidance)


def score_inputs(features: StoreManifest, mfm: Path, mgm: Path, precision: str) -> dict[str, Any]:
    """What score maps depend on: the features, both modules by their folders, the precision."""
    return {
        "features": features.fingerprint,
        "mfm": module_sha256(mfm),
        "mgm": module_sha256(mgm),
        "precision": precision,
    }


class Scorer:
    """MFM and MGM, frozen, on one device."""

    def __init__(self, fusion: Fusion, guidance: Guidance, precision: str) -> None:
        self.space, self.precision = fusion.space, precision
        self._fusion = _rounded_once(fusion, precision)
        self._guidance = _rounded_once(guidance, precision)

    @torch.inference_mode()
    def pixel_scores(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """S_RGB, S_XYZ and S_Mtr (eq. 5) of N pixels.

        Args:
            rgb: (N, R); xyz: (N, X), in MFM's feature space.

        Returns:
            (3, N) float32: 1 - cosine of each feature and its reconstruction; F~_Mtr is MFM of
            the two reconstructions.
        """
        with autocast(rgb.device, self.precision):
            mentor = self._fusion(rgb, xyz)
            # What autocast would do after their concatenation with MFM's wider output.
            inputs = [features.to(mentor.dtype) for features in (rgb, xyz)]
            rgb_predicted, xyz_predicted = self._guidance(*inputs, mentor)
            mentor_predicted = self._fusion(rgb_predicted, xyz_predicted)
        pairs = ((rgb_predicted, rgb), (xyz_predicted, xyz), (mentor_predicted, mentor))
        return torch.stack([cosine_difference(a, b) for a, b in pairs])

    def score_maps(
        self, features: PixelFeatures, scan: int, each: Callable[..., Iterable[Tensor]] = map
    ) -> np.ndarray:
        """The three maps of one of the scans: (3, 224, 224) float32, 0 on the background.

        Args:
            each: applies a function to the tiles, in order: `map`, or that of some threads.
        """
        features = features.project(self.space).widened()

        def tile_scores(tile: np.ndarray) -> Tensor:
            filled = np.pad(tile, (0, -len(tile) % STEP), mode="edge")
            pixel = torch.from_numpy(filled).to(features.device)
            scores = self.pixel_scores(*features.gather(torch.full_like(pixel, scan), pixel))
            return scores[:, : len(tile)].cpu()

        maps = np.zeros((len(MAPS), SIZE * SIZE), dtype=np.float32)
        pixels = features.foreground[scan]
        tiles = [pixels[start : start + TILE] for start in range(0, len(pixels), TILE)]
        for tile, scores in zip(tiles, each(tile_scores, tiles), strict=True):
            maps[:, tile] = scores.numpy()
        return maps.reshape(len(MAPS), SIZE, SIZE)

    def score_one(self, features: PixelFeatures) -> np.ndarray:
        """`score_maps` of a scan that waits alone: on all cores, to the same bits."""
        if features.device.type != "cpu":
            return self.score_maps(features, 0)
        with scan_threads(features.device) as pool:
            return self.score_maps(features, 0, pool.map)


def _rounded_once(module: M, precision: str) -> M:
    """A copy whose matrices have the type to which autocast would round them at every call."""
    device = next(module.parameters()).device
    rounded = deepcopy(module)
    with autocast(device, precision):
        if torch.is_autocast_enabled(device.type):
            for layer in rounded.modules():
                if isinstance(layer, nn.Linear):
                    layer.to(torch.get_autocast_dtype(device.type))
    return rounded
