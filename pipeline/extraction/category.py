"""Extracts a whole category into its feature store, shard by shard."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..buckets.raw import Fetching, no_fetching
from ..compute.device import scan_threads
from ..dataset.bitmaps import BitMaps
from ..dataset.manifest import PREPARED, Manifest, ManifestRow, load_foreground
from ..params.schema import Features, PointFeatures, Preparation
from ..plumbing.errors import DataError
from ..plumbing.parallel import Once
from ..preparation.prepare import PreparedScan, load_scan
from ..preparation.views import NO_VIEWS, Views
from ..readers.content import scan_paths
from ..seals.sealed import open_chain
from ..uploading.upload import put_store
from .batched import Compute, DeviceScan, shard_by_shard
from .identity import shard_sources, source_sha256, store_manifest
from .points import PointGeometry
from .scan import Backbones, Fast, extract_features, scan_geometry, views_of
from .snapshot import last_store

Bar = Callable[[Sequence[int]], Iterator[int]]


@dataclass(frozen=True)
class Extracted:
    """How many scans of a finished store were computed, and how many were reused."""

    scans: int
    computed: int
    reused: int  # from the last finished store
    refusal: str = field(default="", compare=False)  # why none could be, where there was a store

    def __str__(self) -> str:
        kept = self.scans - self.computed - self.reused
        before = "found finished" if kept == self.scans else "kept from an interrupted run"
        resumed = f", {kept} {before}" if kept else ""
        why = f" ({self.refusal})" if self.refusal else ""
        return f"{self.scans} scans: {self.computed} computed, {self.reused} reused{resumed}{why}"


def extract_category(
    prepared: Path,
    root: Path,
    out: Path,
    options: Features,
    staging: Path,
    device: torch.device,
    bar: Bar = iter,
    batched: bool | None = None,
    bucket: str | None = None,
    fetching: Fetching = no_fetching,
) -> Extracted:
    """Extract every shard that the staging folder lacks, then move the store to `out`.

    Scans that the category's last finished store has are taken from there. The bytes are those
    of a run that computes all.

    Args:
        prepared: folder of the category's manifest and foreground masks.
        root: folder of the raw categories.
        bar: iterates over the missing shards, showing progress.
        batched: whole shards at once on the device; None: on any but the CPU, which alone can
            take scan by scan.
        bucket: the address that the store is written below, with a pointer at `out`; None: the
            store is written to `out`.
        fetching: brings the files of a scan below root while they are read.

    Raises:
        DataError, WeightsError, CacheError: see `load_scan`, `Backbones.load`, `write_store`.
        BucketError, ConfigError: see `upload_store`.
    """
    manifest = Manifest.load(prepared)
    made_from = open_chain(manifest.category, {PREPARED: prepared}).digests
    foreground = load_foreground(prepared, manifest)
    backbones = Backbones.load(options, device)
    scans = CategoryScans(
        root, manifest.rows, foreground, views_of(options), manifest.options, fetching
    )
    store = store_manifest(manifest, options, backbones.sha256(), backbones.precision)
    batched = device.type != "cpu" if batched is None else batched
    source = source_sha256(device, scans.views)
    sources = shard_sources(source, store) if batched else [source] * len(manifest.rows)
    if batched:
        way = batch_by_batch(scans, backbones, options, len(manifest.rows))
    else:  # packed when the first scan is computed: of a store that is taken over none is
        way = scan_by_scan(scans, Once(lambda: Fast.of(backbones)), options)
    with last_store(staging, store, sources) as last, way as compute:
        reusing = last.reusing(compute)
        # One shard ahead: the cores go on while a shard is finished, packed and written.
        put_store(
            *(bucket, out, store, reusing, staging, bar, last.identity, last.keep),
            ahead=1,
            made_from=made_from,
        )
    return Extracted(len(manifest.rows), last.computed, last.reused, last.refusal)


@dataclass(frozen=True, eq=False)
class CategoryScans:
    """Raw scans of a category, by their position in its manifest."""

    root: Path
    rows: Sequence[ManifestRow] | Mapping[int, ManifestRow]
    foreground: BitMaps | Mapping[int, NDArray[np.bool_]]
    views: Views = NO_VIEWS
    preparation: Preparation | None = None
    fetching: Fetching = no_fetching

    def load(self, position: int) -> PreparedScan:
        """Raises DataError; see `load_scan`."""
        row, foreground = self.rows[position], self.foreground[position]
        with self.fetching(scan_paths(row.files(self.root))):
            return load_scan(self.root, row, foreground, self.views, self.preparation)

    def geometry(self, position: int, scan: PreparedScan, options: PointFeatures) -> PointGeometry:
        """Raises DataError that names the scan; see `scan_geometry`."""
        with self.naming(position):
            return scan_geometry(scan, options)

    @contextlib.contextmanager
    def naming(self, position: int) -> Iterator[None]:
        """Name the scan in an error that only knows its points."""
        try:
            yield
        except DataError as error:
            raise DataError(f"{self.rows[position].points}: {error}") from None


@contextlib.contextmanager
def scan_by_scan(
    scans: CategoryScans, fast: Callable[[], Fast], options: Features
) -> Iterator[Compute]:
    """Yield a function from positions of scans to arrays; each scan stays in one thread.

    This is for the CPU. Shards may be asked for side by side; their scans are begun in order.
    """

    def extract(position: int) -> dict[str, NDArray]:
        scan = scans.load(position)
        geometry = scans.geometry(position, scan, options.points)
        return extract_features([scan], [geometry], fast(), options)

    with scan_threads(torch.device("cpu")) as pool:

        def compute(positions: Sequence[int]) -> dict[str, NDArray]:
            each = list(pool.map(extract, positions))
            return {name: np.concatenate([one[name] for one in each]) for name in each[0]}

        yield compute


def batch_by_batch(
    scans: CategoryScans, backbones: Backbones, options: Features, count: int
) -> contextlib.AbstractContextManager[Compute]:
    """Yield a function from positions of scans to arrays; see `shard_by_shard`.

    Args:
        count: scans of the whole category.
    """

    def load(position: int) -> DeviceScan:
        scan = scans.load(position)
        with scans.naming(position):
            return DeviceScan.of(scan, options)

    return shard_by_shard(load, count, backbones, options)
