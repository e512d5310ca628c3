"""The training scans' features of one category: in memory, or in a scratch file if too large."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from pipeline.cache.features import FeatureCache
from pipeline.config import Model
from pipeline.data.manifest import Manifest
from pipeline.pixels import PixelFeatures, table_bytes
from pipeline.scratch import available_memory, check_space, scratch_table
from pipeline.splits import TrainingView, split_good_scans


def training_features(
    prepared: Path,
    features: Path,
    category: str,
    model: Model,
    view: TrainingView,
    memory_gb: float | None,
    scratch: Path,
    device: torch.device,
    part: Literal["train", "held_out"] = "train",
) -> PixelFeatures:
    """Features of the scans that modules train on; their values do not depend on where they are.

    Args:
        memory_gb: 10^9 bytes that both parts may take of the device's memory; above, they are
            mapped from the disk. None: half of what is available now.
        scratch: folder of the file that is mapped.
        part: `held_out`: of those that tell when to stop and that calibrate.

    Raises:
        TrainingError: see `split_good_scans`.
        CacheError: see `FeatureCache.open` and `check_space`.
        DataError: see `Manifest.load`.
    """
    split = split_good_scans(Manifest.load(prepared).rows, model.holdout, view)
    cache = FeatureCache.open(features, category)

    def size(positions: Iterable[int]) -> int:
        tokens = [cache.token_count(i) for i in positions]
        return table_bytes(tokens, model.whitening.components)

    limit = memory_gb * 1e9 if memory_gb else available_memory(device) / 2
    positions = getattr(split, part)
    new_table = None
    if size(split.train) + size(split.held_out) > limit:
        check_space(scratch, size(positions))
        new_table = partial(scratch_table, scratch)
    tokens = [cache.token_count(i) for i in positions]
    return PixelFeatures((cache.scan(i) for i in positions), device, tokens, new_table)
