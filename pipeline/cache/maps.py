"""The stores of a category's score maps and anomaly maps: their names, shapes and identity."""

from typing import Any

from ..dataset.grid import SIZE
from ..dataset.manifest import Manifest
from ..params.schema import MapName
from .schema import ArraySpec, StoreManifest

MAPS: tuple[MapName, ...] = ("rgb", "xyz", "mtr")  # the order of the score maps everywhere

NEAR_MAPS: tuple[MapName, ...] = ("near_xyz", "near_rgb")  # of a memory, after those of eq. 5

SCORES_KIND = "scores"
SCORES = ArraySpec("scores", (len(MAPS), SIZE, SIZE), "float32")  # 0 on the background
ANOMALY_KIND = "anomaly"
ANOMALY_FILE = "anomaly.zarr"  # among a category's votes
ANOMALY = ArraySpec("anomaly", (SIZE, SIZE), "float32")  # 0 on the background


def scores_spec(count: int) -> ArraySpec:
    """The array of so many score maps: `SCORES`, or with the maps of a memory behind."""
    return ArraySpec(SCORES.name, (count, SIZE, SIZE), SCORES.dtype)


def maps_manifest(
    kind: str, spec: ArraySpec, manifest: Manifest, inputs: dict[str, Any]
) -> StoreManifest:
    """The identity of a store of maps of all of a category's scans."""
    return StoreManifest(
        kind=kind,
        category=manifest.category,
        samples=tuple(row.id for row in manifest.rows),
        hashes=tuple(row.sha256 for row in manifest.rows),
        inputs=inputs,
        arrays=(spec,),
        codec="blosc",
        shard=32,
    )
