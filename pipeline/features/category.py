"""Extraction of a whole category into its feature store, shard by shard."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from numpy.typing import NDArray

from pipeline.cache.features import KIND, feature_arrays
from pipeline.cache.schema import StoreManifest
from pipeline.cache.writer import write_store
from pipeline.config import Features
from pipeline.data.manifest import Manifest, ManifestRow, load_foreground
from pipeline.data.prepare import PreparedScan, load_scan
from pipeline.errors import DataError
from pipeline.features.extract import Backbones, Geometry, extract_features, scan_geometry
from pipeline.features.fps import IMPLEMENTATION

Bar = Callable[[Sequence[int]], Iterator[int]]


def extract_category(
    prepared: Path,
    root: Path,
    out: Path,
    options: Features,
    staging: Path,
    device: torch.device,
    bar: Bar = iter,
) -> int:
    """Extract every shard that the staging folder lacks, then move the store to `out`.

    Args:
        prepared: folder of the category's manifest and foreground masks.
        root: folder of the raw categories.
        bar: iterates over the missing shards, showing progress.

    Returns:
        How many shards were computed.

    Raises:
        DataError, WeightsError, CacheError: see `load_scan`, `Backbones.load`, `write_store`.
    """
    manifest = Manifest.load(prepared)
    foreground = load_foreground(prepared, manifest)
    backbones = Backbones.load(options, device)

    def compute(samples: range) -> dict[str, NDArray]:
        rows = [manifest.rows[i] for i in samples]
        masks = [foreground[i] for i in samples]
        with ThreadPoolExecutor() as pool:  # decoding and grouping mostly release the GIL
            scans = list(pool.map(partial(load_scan, root), rows, masks))
            geometry = list(pool.map(partial(_geometry, options), scans, rows))
        return extract_features(scans, geometry, backbones, options)

    store = store_manifest(manifest, options, backbones.sha256())
    return write_store(out, store, compute, staging, bar)


def store_manifest(manifest: Manifest, options: Features, weights: dict[str, str]) -> StoreManifest:
    """The identity of a category's feature store: all that its content depends on."""
    return StoreManifest(
        kind=KIND,
        category=manifest.category,
        samples=tuple(row.id for row in manifest.rows),
        hashes=tuple(row.sha256 for row in manifest.rows),
        inputs={
            "rgb": {"tokens": options.rgb.tokens, "weights": weights["rgb"]},
            "points": options.points.model_dump(exclude={"weights"})
            | {"weights": weights["points"], "fps": IMPLEMENTATION},
            "preparation": asdict(manifest.options),
            "reading": sorted({f"{row.layout} in {row.units}" for row in manifest.rows}),
            "layout": options.layout,
        },
        arrays=feature_arrays(options.layout, options.points.groups),
        codec=options.codec,
        shard=options.shard,
    )


def _geometry(options: Features, scan: PreparedScan, row: ManifestRow) -> Geometry:
    try:
        return scan_geometry(scan, options.points)
    except DataError as error:
        raise DataError(f"{row.points}: {error}") from None
