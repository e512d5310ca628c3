"""A prepared category and its feature store from made-up scans, without any backbone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mentor3ad.dataset.scan import Split
from mentor3ad.features.interpolation import pixel_weights
from mentor3ad.features.store import ScanFeatures
from mentor3ad.params.project import Project
from testbed.stores import store_category

GROUPS = 12


def scan_features(seed: int) -> ScanFeatures:
    """Random values, on a foreground of the seed's own."""
    rng = np.random.default_rng(seed)
    foreground = np.zeros((224, 224), bool)
    foreground[80:140, 60 + seed % 8 : 130] = True
    points = rng.uniform(-1, 1, (foreground.sum(), 3)).astype(np.float32)
    index, weight = pixel_weights(points, points[:GROUPS], foreground)
    rgb = rng.normal(size=(28, 28, 768)).astype(np.float16)
    tokens = rng.normal(size=(GROUPS, 1152)).astype(np.float16)
    return ScanFeatures(rgb, foreground, False, tokens, index, weight)


def store_features(
    folder: Path, category: str, scans: Sequence[ScanFeatures], held_out: int = 1
) -> tuple[Path, Path]:
    """The project's folders of the preparation and of the features; the last ones validate."""
    project, train = Project(folder), len(scans) - held_out
    splits: list[Split] = ["train" if i < train else "validation" for i in range(len(scans))]
    store_category(project, category, splits, scans.__getitem__, GROUPS)
    return project.prepared(category), project.features(category)
