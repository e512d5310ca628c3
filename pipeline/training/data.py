"""The training scans' features of one category: in memory, or in a scratch file if too large."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from ..dataset.manifest import Manifest
from ..features.pixels import PixelFeatures, table_bytes
from ..features.store import FeatureCache
from ..params.schema import Params
from ..splits.good_scans import good_scans
from .mapped import available_memory, check_space, scratch_table


def stage_features(
    params: Params,
    category: str,
    prepared: Path,
    features: Path,
    scratch: Path,
    device: torch.device,
) -> tuple[PixelFeatures, PixelFeatures | None]:
    """Features of the scans that a module trains on, and of those that tell when to stop.

    The second is None where the params have it take all steps.

    Raises:
        TrainingError, CacheError, DataError: see `training_features`.
    """
    load = partial(training_features, params, category, prepared, features, scratch, device)
    return load(), load("held_out") if params.model.early_stop.every else None


def training_features(
    params: Params,
    category: str,
    prepared: Path,
    features: Path,
    scratch: Path,
    device: torch.device,
    part: Literal["train", "held_out"] = "train",
) -> PixelFeatures:
    """Features of the scans that modules train on; their values do not depend on where they are.

    Args:
        params: `runtime.memory_gb` is how many 10^9 bytes of the device's memory both parts may
            take; larger ones are mapped from the disk. None: half of what is available now.
        prepared, features: the category's folder of the manifest, and its feature store.
        scratch: folder of the file that is mapped.
        part: `train`, or `held_out`, the scans that tell when to stop and that calibrate.

    Raises:
        TrainingError: see `split_good_scans`.
        CacheError: see `FeatureCache.open` and `check_space`.
        DataError: see `Manifest.load`.
    """
    model, memory_gb = params.model, params.runtime.memory_gb
    split = good_scans(Manifest.load(prepared).rows, params)
    cache = FeatureCache.open(features, category)

    def size(positions: Iterable[int]) -> int:
        tokens = [cache.token_count(i) for i in positions]
        space = model.whitening
        return table_bytes(tokens, space.components, cache.shapes, space.standardise)

    limit = memory_gb * 1e9 if memory_gb else available_memory(device) / 2
    positions = getattr(split, part)
    new_table = None
    if size(split.train) + size(split.held_out) > limit:
        check_space(scratch, size(positions))
        new_table = partial(scratch_table, scratch)
    tokens = [cache.token_count(i) for i in positions]
    return PixelFeatures((cache.scan(i) for i in positions), device, tokens, new_table)
