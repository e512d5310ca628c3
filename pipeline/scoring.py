"""The one scoring path (section III, test phase): features in, three score maps out.

Evaluation, prediction and the benchmark share it; it knows nothing of DVC.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.cache.maps import MAPS
from pipeline.cache.schema import StoreManifest
from pipeline.device import autocast
from pipeline.features.projection import SIZE
from pipeline.fusion import Fusion
from pipeline.guidance import Guidance
from pipeline.losses import cosine_difference
from pipeline.modules import module_sha256
from pipeline.pixels import PixelFeatures

TILE = 4096  # pixels scored at once; bounds the memory


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
        self.fusion, self.guidance, self.precision = fusion, guidance, precision

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
            mentor = self.fusion(rgb, xyz)
            rgb_predicted, xyz_predicted = self.guidance(rgb, xyz, mentor)
            mentor_predicted = self.fusion(rgb_predicted, xyz_predicted)
        pairs = ((rgb_predicted, rgb), (xyz_predicted, xyz), (mentor_predicted, mentor))
        return torch.stack([cosine_difference(a, b) for a, b in pairs])

    def score_maps(self, features: PixelFeatures, scan: int) -> np.ndarray:
        """The three maps of one of the scans: (3, 224, 224) float32, 0 on the background."""
        features = features.project(self.fusion.space)
        maps = np.zeros((len(MAPS), SIZE * SIZE), dtype=np.float32)
        pixels = features.foreground[scan]
        for start in range(0, len(pixels), TILE):
            tile = pixels[start : start + TILE]
            pixel = torch.from_numpy(tile).to(features.device)
            rgb, xyz = features.gather(torch.full_like(pixel, scan), pixel)
            maps[:, tile] = self.pixel_scores(rgb, xyz).cpu().numpy()
        return maps.reshape(len(MAPS), SIZE, SIZE)
