"""A prepared category and its feature store from made-up scans: no raw file, no backbone."""

from collections.abc import Callable, Sequence

import numpy as np

from mentor3ad.cache.reader import Store
from mentor3ad.cache.schema import StoreManifest
from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.manifest import ManifestRow, seal_prepared, write_manifest
from mentor3ad.dataset.scan import Split
from mentor3ad.features.channels import POINT_CHANNELS, PUBLISHED, Tokens
from mentor3ad.features.store import KIND, ScanFeatures, feature_arrays
from mentor3ad.params.project import Project
from mentor3ad.params.schema import PARAMS_FILE, load_params
from mentor3ad.publishing.writer import write_store
from testbed.paths import ROOT


def store_category(
    project: Project,
    category: str,
    splits: Sequence[Split],
    scan: Callable[[int], ScanFeatures],
    groups: int,
    codec: str = "raw",
    shard: int = 8,
) -> None:
    """Write what training needs of a category of good scans, where a project keeps it.

    Args:
        splits: of each scan.
        scan: from a scan's position to its features, of so many groups.
    """
    rows = tuple(_row(category, split, number) for number, split in enumerate(splits))
    prepared = project.prepared(category)
    prepared.mkdir(parents=True)
    shipped = load_params(ROOT / PARAMS_FILE)
    write_manifest(prepared, category, shipped.data.preparation, rows)
    seal_prepared(prepared, category)
    store = StoreManifest(
        kind=KIND,
        category=category,
        samples=tuple(row.id for row in rows),
        hashes=tuple(row.sha256 for row in rows),
        inputs={"points": {"pool": False}},
        arrays=feature_arrays("factored", PUBLISHED.rgb, Tokens(groups, POINT_CHANNELS)),
        codec=codec,
        shard=shard,
    )

    def compute(samples: range) -> dict[str, np.ndarray]:
        made = [scan(sample) for sample in samples]
        return {a.name: np.stack([getattr(one, a.name) for one in made]) for a in store.arrays}

    write_store(project.features(category), store, compute, project.data / "staging")


def _row(category: str, split: Split, number: int) -> ManifestRow:
    name = f"{split}/good/{number:04d}"
    return ManifestRow(
        id=name,
        split=split,
        label=0,
        defect="good",
        rgb=f"{category}/{name}.png",
        points=f"{category}/{name}.tiff",
        mask=None,
        sha256=f"{number:064x}",
        prepared_sha256=f"{number:064x}",
        height=SIZE,
        width=SIZE,
        n_foreground=SIZE * SIZE,
    )


def verify(store: Store) -> None:
    """Read every chunk of a store once, so that its checksum is compared."""
    for spec in store.manifest.arrays:
        for shard in range(store.manifest.shards):
            store.verify_shard(spec.name, shard)
