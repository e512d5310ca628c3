"""The extraction of shards by workers on other machines.

A worker reads the raw scans itself, at the path that this machine has them at too; what was
prepared of them comes with each shard.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..buckets.raw import raw_scans
from ..cache.schema import StoreManifest
from ..compute.device import select_device
from ..compute.process import configure_process
from ..dataset.bitmaps import BitMaps
from ..dataset.manifest import PREPARED, Manifest, ManifestRow, load_foreground
from ..engine.hired import hired
from ..engine.work import Opened, Seat, Unit
from ..features.store import KIND
from ..params.schema import Features, Preparation, Runtime
from ..plumbing.parallel import Once
from ..publishing.writer import Elsewhere, Encoded, Shard, ShardArrays, Stored
from ..seals.sealed import open_chain
from ..uploading.encode import encode_alone
from ..uploading.place import StorePlace
from ..uploading.upload import put_store
from .batched import Compute
from .category import Bar, CategoryScans, Extracted, batch_by_batch, scan_by_scan
from .identity import arrays_of, of_kind, sources_of, store_manifest, worker_kind
from .scan import Backbones, Fast, views_of
from .snapshot import last_store

Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class ShardOfScans:
    """What a worker is given.

    Attributes:
        wanted: positions of the scans to compute.
        first: position of the shard's first scan.
        rows: of all its scans, of which bits may depend on each other.
        foreground: (n, 6272) uint8: their packed masks.
        url: of the store in a bucket, without an ending, where the worker puts a whole shard; None:
            it gives it back.
    """

    wanted: tuple[int, ...]
    first: int
    rows: Sequence[ManifestRow]
    foreground: NDArray[np.uint8]
    url: str | None = None


@dataclass(frozen=True)
class Extraction:
    """Extraction as work for the engine; see `engine.work.Work`.

    Attributes:
        root: folder of the raw categories, or of the inventories of those in a bucket, at the same
            path on every node.
        scans: of the whole category.
        preparation: options of the manifest.
    """

    root: Path
    category: str
    scans: int
    preparation: Preparation
    options: Features
    runtime: Runtime

    @contextlib.contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[ShardOfScans, Shard]]:
        """Load the backbones.

        Raises:
            WeightsError, ConfigError: see `Backbones.load`.
        """
        own = {"device": seat.device, "threads": seat.threads}
        runtime = self.runtime.model_copy(update=own)
        configure_process(runtime)
        device = select_device(runtime)
        backbones = Backbones.load(self.options, device)
        rows: dict[int, ManifestRow] = {}
        masks: dict[int, NDArray[np.bool_]] = {}
        views = views_of(self.options)
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(raw_scans(self.root, self.category))
            scans = CategoryScans(raw.root, rows, masks, views, self.preparation, raw.fetching)
            way: contextlib.AbstractContextManager[Compute]
            if device.type == "cpu":
                way = scan_by_scan(scans, Once(lambda: Fast.of(backbones)), self.options)
            else:
                way = batch_by_batch(scans, backbones, self.options, self.scans)
            compute = stack.enter_context(way)

            def extract(shard: ShardOfScans) -> Shard:
                places = range(shard.first, shard.first + len(shard.rows))
                rows.update(zip(places, shard.rows, strict=True))
                masks.update(zip(places, BitMaps(shard.foreground), strict=True))
                try:
                    arrays = compute(shard.wanted)
                finally:  # a worker holds its own shards' alone
                    for position in places:
                        del rows[position], masks[position]
                return self._finished(shard, arrays)

            yield Opened(worker_kind(backbones, views), extract)

    def _finished(self, shard: ShardOfScans, arrays: Arrays) -> Shard:
        """Encode a whole shard, and put it where it belongs; of a part the arrays are wanted."""
        if len(shard.wanted) < len(shard.rows):
            return arrays
        ids = tuple(row.id for row in shard.rows)
        own = StoreManifest(
            *(KIND, self.category, ids, ids, {}, arrays_of(self.options)),
            codec=self.options.codec,
            shard=self.options.shard,
        )
        number = shard.first // self.options.shard
        files = encode_alone(own, number, arrays)
        if shard.url is None:
            return Encoded(files)
        return Stored(StorePlace(shard.url, own, "", {}).put_files(number, files))


def extract_on_cluster(
    prepared: Path,
    root: Path,
    out: Path,
    options: Features,
    staging: Path,
    runtime: Runtime,
    bar: Bar = iter,
) -> Extracted:
    """Do as `extract_category` on the workers of a cluster, to the same bytes.

    What the store is made by is asked of a worker, since this machine may be of another kind.

    Raises:
        ClusterError: see `hired` and `Dispatcher`.
        DataError, WeightsError, CacheError: see `extract_category`.
    """
    manifest = Manifest.load(prepared)
    made_from = open_chain(manifest.category, {PREPARED: prepared}).digests
    foreground = load_foreground(prepared, manifest)
    count = len(manifest.rows)
    work = Extraction(root.absolute(), manifest.category, count, manifest.options, options, runtime)
    with hired(work, runtime, gpu=True) as workers:
        kind = workers.first().about
        networks = of_kind(kind, "weights"), of_kind(kind, "precision")
        store = store_manifest(manifest, options, *networks)
        with last_store(staging, store, sources_of(kind, store)) as last:
            bucket, url = runtime.store, None
            if bucket is not None:
                url = StorePlace.of(bucket, store, last.identity, made_from).url

            def shards(missing: Sequence[int]) -> Iterator[tuple[int, Shard]]:
                old: dict[int, Mapping[int, ShardArrays]] = {}

                def unit(shard: int) -> Unit[ShardOfScans]:
                    samples = store.shard_samples(shard)
                    old[shard] = last.offered(samples)
                    new = [i for i in samples if i not in old[shard]]
                    return _unit(shard, samples, new, manifest, foreground, url)

                for shard, made in workers.results(map(unit, missing)):
                    samples = store.shard_samples(shard)
                    if isinstance(made, Encoded | Stored):
                        last.count(len(old.pop(shard)), len(samples))
                        yield shard, made
                    else:
                        yield shard, last.joined(samples, old.pop(shard), made or {})

            put_store(
                *(runtime.store, out, store, Elsewhere(shards), staging),
                *(bar, last.identity, last.keep),
                made_from=made_from,
            )
    return Extracted(count, last.computed, last.reused, last.refusal)


def _unit(
    shard: int,
    samples: range,
    new: Sequence[int],
    manifest: Manifest,
    foreground: BitMaps,
    url: str | None,
) -> Unit[ShardOfScans]:
    rows = manifest.rows[samples.start : samples.stop]
    packed = np.array(foreground.packed[samples.start : samples.stop])
    item = ShardOfScans(tuple(new), samples.start, rows, packed, url) if new else None
    return Unit(shard, item, f"shard {shard} (scans {rows[0].id} to {rows[-1].id})")
