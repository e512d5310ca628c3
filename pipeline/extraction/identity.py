"""What a category's features depend on: what the networks see, and what computes them.

They do not depend on who read the scans, nor on their names, places or file formats: a scan whose
prepared arrays are the same is never computed again.
"""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from ..backbones.fps import IMPLEMENTATION
from ..cache.schema import StoreManifest
from ..dataset.manifest import Manifest
from ..features.channels import POINT_CHANNELS, PUBLISHED, Tokens
from ..features.store import KIND, feature_arrays
from ..params.schema import Features

LIBRARIES = ("numpy", "scipy", "timm", "torch")  # that compute features
CODE = (  # that computes features; rooms, and files of rooms that do other things too
    "backbones",
    "compute",
    "dataset/grid.py",
    "extraction/batched.py",
    "extraction/memory.py",
    "extraction/scan.py",
    "features/channels.py",
    "features/interpolation.py",
)


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
        hashes=tuple(row.prepared_sha256 for row in manifest.rows),
        inputs={
            "rgb": options.rgb.model_dump() | networks["rgb"],
            "points": options.points.model_dump() | networks["points"] | {"fps": IMPLEMENTATION},
            "layout": options.layout,
        },
        arrays=feature_arrays(
            options.layout, PUBLISHED.rgb, Tokens(options.points.groups, POINT_CHANNELS)
        ),
        codec=options.codec,
        shard=options.shard,
    )


def source_sha256(device: torch.device) -> str:
    """A hash of what features depend on beside the prepared arrays and the store's inputs.

    These are the code that computes them, the libraries and the kind of device. After a change of
    any of them everything that `last_store` would offer is computed again.
    """
    shared = hashlib.sha256(_code_sha256().encode())
    for library in LIBRARIES:
        shared.update(f"{library} {version(library)}\n".encode())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    shared.update(f"{device.type} {name}\n".encode())
    return shared.hexdigest()


def shard_sources(source: str, store: StoreManifest) -> list[str]:
    """The `source_sha256` of each scan, for bits that also depend on the others of its shard."""
    found = []
    for shard in range(store.shards):
        samples = store.shard_samples(shard)
        others = hashlib.sha256("\n".join(store.hashes[i] for i in samples).encode()).hexdigest()
        found += [f"{source} {others}"] * len(samples)
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
