"""The map that features are sampled from, computed at every pixel as the paper does."""

import torch
import torch.nn.functional as F

from mentor3ad.dataset.grid import PATCH


def rgb_map(features: torch.Tensor) -> torch.Tensor:
    """Bilinear x8 of patch features (28, 28, C) to (224, 224, C)."""
    image = features.permute(2, 0, 1)[None]
    size = (image.shape[2] * PATCH, image.shape[3] * PATCH)
    image = F.interpolate(image, size=size, mode="bilinear", align_corners=False)
    return image[0].permute(1, 2, 0)
