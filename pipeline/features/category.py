"""Extraction of a whole category into its feature store, shard by shard."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.cache.features import KIND, feature_arrays
from pipeline.cache.schema import StoreManifest
from pipeline.cache.snapshot import last_store
from pipeline.cache.writer import write_store
from pipeline.config import Features, PointFeatures
from pipeline.data.manifest import Manifest, ManifestRow, load_foreground
from pipeline.data.prepare import PreparedScan, load_scan
from pipeline.device import scan_threads
from pipeline.errors import DataError
from pipeline.features.batched.extract import Cloud, shard_by_shard
from pipeline.features.extract import Backbones, Geometry, extract_features, scan_geometry
from pipeline.features.fps import IMPLEMENTATION

Compute = Callable[[Sequence[int]], dict[str, NDArray]]
Bar = Callable[[Sequence[int]], Iterator[int]]
LIBRARIES = ("numpy", "pillow", "scipy", "tifffile", "timm", "torch")
CODE = (
    "data",
    "device.py",
    "features",
    "linear.py",
)  # of pipeline/: what a scan's features depend on


@dataclass(frozen=True)
class Extracted:
    """How the scans of a finished store came to be."""

    scans: int
    computed: int
    reused: int  # from the last finished store

    def __str__(self) -> str:
        kept = self.scans - self.computed - self.reused
        resumed = f", {kept} kept from an interrupted run" if kept else ""
        return f"{self.scans} scans: {self.computed} computed, {self.reused} reused{resumed}"


def extract_category(
    prepared: Path,
    root: Path,
    out: Path,
    options: Features,
    staging: Path,
    device: torch.device,
    bar: Bar = iter,
    batched: bool | None = None,
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

    Raises:
        DataError, WeightsError, CacheError: see `load_scan`, `Backbones.load`, `write_store`.
    """
    manifest = Manifest.load(prepared)
    foreground = load_foreground(prepared, manifest)
    backbones = Backbones.load(options, device)
    scans = Scans(root, manifest.rows, foreground)
    store = store_manifest(manifest, options, backbones.sha256(), backbones.precision)
    sources = scan_sources(foreground, device)
    batched = device.type != "cpu" if batched is None else batched
    if batched:
        sources = shard_sources(sources, store)
    way = batch_by_batch if batched else scan_by_scan
    with (
        last_store(staging, store, sources) as last,
        way(scans, backbones, options) as compute,
    ):
        reusing = last.reusing(compute)
        # One shard ahead: the cores go on while a shard is finished, packed and written.
        write_store(out, store, reusing, staging, bar, last.identity, last.keep, ahead=1)
    return Extracted(len(manifest.rows), last.computed, last.reused)


@dataclass(frozen=True, eq=False)
class Scans:
    """Raw scans of a category, by their position in its manifest."""

    root: Path
    rows: Sequence[ManifestRow]
    foreground: NDArray[np.bool_]  # (N, 224, 224)

    def load(self, sample: int) -> PreparedScan:
        """Raises DataError; see `load_scan`."""
        return load_scan(self.root, self.rows[sample], self.foreground[sample])

    def geometry(self, sample: int, scan: PreparedScan, options: PointFeatures) -> Geometry:
        """Raises DataError that names the scan; see `scan_geometry`."""
        with self.naming(sample):
            return scan_geometry(scan, options)

    @contextlib.contextmanager
    def naming(self, sample: int) -> Iterator[None]:
        """Name the scan in an error that only knows its points."""
        try:
            yield
        except DataError as error:
            raise DataError(f"{self.rows[sample].points}: {error}") from None


@contextlib.contextmanager
def scan_by_scan(scans: Scans, backbones: Backbones, options: Features) -> Iterator[Compute]:
    """From positions of scans to their arrays, each scan in one thread from its files to the end.

    On the CPU. Shards may be asked for side by side; their scans are begun in order.
    """

    def extract(sample: int) -> dict[str, NDArray]:
        scan = scans.load(sample)
        geometry = scans.geometry(sample, scan, options.points)
        return extract_features([scan], [geometry], backbones, options)

    with scan_threads(backbones.device) as pool:

        def compute(samples: Sequence[int]) -> dict[str, NDArray]:
            each = list(pool.map(extract, samples))
            return {name: np.concatenate([one[name] for one in each]) for name in each[0]}

        yield compute


def batch_by_batch(
    scans: Scans, backbones: Backbones, options: Features
) -> contextlib.AbstractContextManager[Compute]:
    """From positions of scans to their arrays, whole shards together: see `shard_by_shard`."""

    def load(sample: int) -> Cloud:
        scan = scans.load(sample)
        with scans.naming(sample):
            return Cloud.of(scan, options.points)

    return shard_by_shard(load, len(scans.rows), backbones, options)


def store_manifest(
    manifest: Manifest, options: Features, weights: dict[str, str], precision: dict[str, str]
) -> StoreManifest:
    """The identity of a category's feature store: all that its content depends on.

    Args:
        weights, precision: of each backbone, as `Backbones` says.
    """
    networks = {name: {"weights": weights[name], "precision": precision[name]} for name in weights}
    return StoreManifest(
        kind=KIND,
        category=manifest.category,
        samples=tuple(row.id for row in manifest.rows),
        hashes=tuple(row.sha256 for row in manifest.rows),
        inputs={
            "rgb": options.rgb.model_dump() | networks["rgb"],
            "points": options.points.model_dump() | networks["points"] | {"fps": IMPLEMENTATION},
            "preparation": asdict(manifest.options),
            "reading": sorted({f"{row.layout} in {row.units}" for row in manifest.rows}),
            "layout": options.layout,
        },
        arrays=feature_arrays(options.layout, options.points.groups),
        codec=options.codec,
        shard=options.shard,
    )


def scan_sources(foreground: NDArray[np.bool_], device: torch.device) -> list[str]:
    """A hash of what each scan's features depend on beside its files and the params.

    The foreground that preparation found, the code, the libraries and the kind of device: a
    change of any of them computes again what `last_store` would offer.

    Args:
        foreground: (N, 224, 224) bool.
    """
    shared = hashlib.sha256(_code_sha256().encode())
    for library in LIBRARIES:
        shared.update(f"{library} {version(library)}\n".encode())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    shared.update(f"{device.type} {name}\n".encode())
    own = (hashlib.sha256(np.packbits(mask).tobytes()).hexdigest() for mask in foreground)
    return [f"{shared.hexdigest()} {mask}" for mask in own]


def shard_sources(sources: Sequence[str], store: StoreManifest) -> list[str]:
    """`scan_sources` where a scan's bits also depend on the others of its shard."""
    own = [f"{source} {content}" for source, content in zip(sources, store.hashes, strict=True)]
    found = []
    for shard in range(store.shards):
        samples = store.shard_samples(shard)
        together = hashlib.sha256("\n".join(own[i] for i in samples).encode()).hexdigest()
        found += [f"{sources[i]} {together}" for i in samples]
    return found


@cache
def _code_sha256() -> str:
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(f for part in CODE for f in _sources(package / part)):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))
