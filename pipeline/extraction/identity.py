"""What a category's features depend on: what the networks see, and what computes them.

They do not depend on who read the scans, nor on their names, places or file formats: a scan whose
prepared arrays are the same is never computed again.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from ..cache.schema import ArraySpec, StoreManifest
from ..dataset.manifest import Manifest, ManifestRow
from ..features.store import KIND, feature_arrays
from ..params.schema import Features
from ..preparation.views import NO_VIEWS, Views
from .points import point_kind
from .scan import Backbones, rgb_spec, views_of

LIBRARIES = ("numpy", "scipy", "timm", "torch")  # that compute features
CODE = (  # that computes features; rooms, and files of rooms that do other things too
    "backbones",
    "compute",
    "dataset/grid.py",
    "extraction/batched.py",
    "extraction/memory.py",
    "extraction/points",
    "extraction/scan.py",
    "features/channels.py",
    "features/interpolation.py",
)
OF_VIEWS = tuple(f"preparation/{name}.py" for name in ("plane", "resize", "views"))


def store_manifest(
    manifest: Manifest, options: Features, weights: dict[str, str], precision: dict[str, str]
) -> StoreManifest:
    """The identity of a category's feature store: all that its content depends on.

    Args:
        weights, precision: of each backbone, as `Backbones` says.
    """
    points, views = point_kind(options.points), views_of(options)
    networks = {name: {"weights": weights[name], "precision": precision[name]} for name in weights}
    return StoreManifest(
        kind=KIND,
        category=manifest.category,
        samples=tuple(row.id for row in manifest.rows),
        hashes=tuple(_seen(row, views) for row in manifest.rows),
        inputs={
            "rgb": options.rgb.to_json() | networks["rgb"],
            "points": options.points.to_json()
            | networks["points"]
            | points.inputs(manifest.options),
            "layout": options.layout,
        },
        arrays=arrays_of(options),
        codec=options.codec,
        shard=options.shard,
    )


def arrays_of(options: Features) -> tuple[ArraySpec, ...]:
    """The arrays of a feature store."""
    shape = point_kind(options.points).shape(options.points)
    return feature_arrays(options.layout, rgb_spec(options.rgb).grid, shape)


def _seen(row: ManifestRow, views: Views) -> str:
    """A hash of what the networks see of a scan.

    A view is made of the raw arrays, which the scan's files say together with what was prepared.
    """
    if views.picture is None and views.normals is None:
        return row.prepared_sha256
    return hashlib.sha256(f"{row.prepared_sha256} {row.sha256}".encode()).hexdigest()


def source_sha256(device: torch.device, views: Views = NO_VIEWS) -> str:
    """A hash of what features depend on beside the prepared arrays and the store's inputs.

    These are the code that computes them, the libraries and the kind of device: the GPU's name, or
    the instructions that torch finds in the CPU, by which sums are ordered. After a change of
    any of them everything that `last_store` would offer is computed again.

    Args:
        views: that the networks want; they bring the code that makes them.
    """
    return _sha256_of_kind(_kind(device, views))


def worker_kind(backbones: Backbones, views: Views) -> dict[str, str]:
    """All that the features of a worker depend on beside the prepared scans and the params.

    Workers that differ in it are not of one run.
    """
    networks = {"weights": backbones.sha256(), "precision": backbones.precision}
    return _kind(backbones.device, views) | {
        f"{what} of {name}": value for what, of in networks.items() for name, value in of.items()
    }


def of_kind(kind: Mapping[str, str], what: str) -> dict[str, str]:
    """The weights or the precision of each backbone, as `worker_kind` says them."""
    return {name: kind[f"{what} of {name}"] for name in ("rgb", "points")}


def sources_of(kind: Mapping[str, str], store: StoreManifest) -> list[str]:
    """The source of each scan, for `last_store`, of workers of a kind."""
    source = _sha256_of_kind(kind)
    alone = kind["device"].startswith("cpu")
    return [source] * len(store.hashes) if alone else shard_sources(source, store)


def _kind(device: torch.device, views: Views) -> dict[str, str]:
    code = [_code_sha256(), *([] if views == NO_VIEWS else [_sha256_of(OF_VIEWS)])]
    kind = {"code": " ".join(code)} | {library: version(library) for library in LIBRARIES}
    if device.type == "cuda":
        return kind | {"device": f"cuda {torch.cuda.get_device_name(device)}"}
    return kind | {"device": f"cpu {torch.backends.cpu.get_cpu_capability()}"}


def _sha256_of_kind(kind: Mapping[str, str]) -> str:
    parts = (f"{name} {kind[name]}\n" for name in ("code", *LIBRARIES, "device"))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


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
    return _sha256_of(CODE)


@cache
def _sha256_of(code: tuple[str, ...]) -> str:
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(f for part in code for f in _sources(package / part)):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))
