"""A prepared category and its feature store from made-up scans, without any backbone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.cache.features import KIND, ScanFeatures, feature_arrays
from pipeline.cache.schema import StoreManifest
from pipeline.cache.writer import write_store
from pipeline.data.foreground import PrepareOptions
from pipeline.data.manifest import MANIFEST_FILE, SCHEMA, Manifest
from pipeline.features.projection import pixel_weights

from .prepared import rows

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
    """Folders as a project's: of the preparation and of the features; the last ones validate."""
    prepared, out = folder / f"prepared/{category}", folder / f"features/{category}.zarr"
    prepared.mkdir(parents=True)
    (one, *_) = rows(())
    of = tuple(
        replace(one, id=f"scan/{i:04d}", sha256=f"{i:064x}", split=split)
        for i, split in enumerate(["train"] * (len(scans) - held_out) + ["validation"] * held_out)
    )
    manifest = Manifest(SCHEMA, category, PrepareOptions(), of)
    (prepared / MANIFEST_FILE).write_text(manifest.to_json())
    names = ("rgb", "tokens", "index", "weight")
    store = StoreManifest(
        kind=KIND,
        category=category,
        samples=tuple(row.id for row in of),
        hashes=tuple(row.sha256 for row in of),
        inputs={"points": {"pool": False}},
        arrays=feature_arrays("factored", GROUPS),
        codec="raw",
        shard=8,
    )
    write_store(
        out,
        store,
        lambda samples: {n: np.stack([getattr(scans[i], n) for i in samples]) for n in names},
        folder / "staging",
    )
    return prepared, out
