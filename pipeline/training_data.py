"""The training scans' features of one category, in memory."""

from pathlib import Path
from typing import Literal

import torch

from pipeline.cache.features import FeatureCache
from pipeline.data.manifest import Manifest
from pipeline.pixels import PixelFeatures
from pipeline.splits import TrainingView, split_good_scans


def training_features(
    prepared: Path,
    features: Path,
    category: str,
    holdout: float,
    view: TrainingView,
    device: torch.device,
    part: Literal["train", "held_out"] = "train",
) -> PixelFeatures:
    """Features of the scans that modules train on, about 4 MB each, on the device.

    Args:
        part: `held_out`: of those that tell when to stop and that calibrate.

    Raises:
        TrainingError: see `split_good_scans`.
        CacheError, DataError: see `FeatureCache.open` and `Manifest.load`.
    """
    rows = Manifest.load(prepared).rows
    split = split_good_scans(rows, holdout, view)
    cache = FeatureCache.open(features, category)
    positions = getattr(split, part)
    return PixelFeatures([cache.scan(i) for i in positions], device)
