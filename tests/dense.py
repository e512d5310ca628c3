"""The map that features are sampled from, computed at every pixel as the paper does."""

import torch
import torch.nn.functional as F

from mentor3ad.dataset.grid import SIZE


def rgb_map(features: torch.Tensor) -> torch.Tensor:
    """Bilinear upsampling of the features of a grid (S, S, C) to (224, 224, C)."""
    image = features.permute(2, 0, 1)[None].double()  # so that places are not rounded to float32
    image = F.interpolate(image, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return image[0].permute(1, 2, 0).to(features.dtype)
