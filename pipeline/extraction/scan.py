"""Turns prepared scans into the arrays of the feature cache on the CPU, as a pure function.

Other devices take scans together, in `batched.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from ..backbones import rgb
from ..backbones.fast_point_mae import FastPointMAE
from ..backbones.grouping import Groups, group_points, normalise_points
from ..backbones.point_mae import PointMAE
from ..compute.device import Each, resolve_precision, scan_threads
from ..features.interpolation import pixel_weights, points_map, pool_map
from ..params.schema import Features, PointFeatures
from ..preparation.prepare import PreparedScan
from ..weights.load import load_point_backbone, load_rgb_backbone, state_sha256


@dataclass(frozen=True)
class Backbones:
    """The two frozen networks on their device.

    Attributes:
        rgb, points: as published, in float32.
        precision: of each one's matrix products, float32 or bfloat16.
    """

    rgb: nn.Module
    points: PointMAE
    device: torch.device
    precision: dict[str, str] = field(
        default_factory=lambda: {"rgb": "float32", "points": "float32"}
    )

    @classmethod
    def load(cls, options: Features, device: torch.device) -> "Backbones":
        """Raises WeightsError where the weights that the params name cannot be had."""
        vit = load_rgb_backbone(options.rgb.weights, options.seed)
        points = load_point_backbone(options.points.weights, options.seed)
        return cls(vit.to(device), points.to(device), device, precisions(options, device))

    def sha256(self) -> dict[str, str]:
        return {"rgb": state_sha256(self.rgb), "points": state_sha256(self.points)}


@dataclass(frozen=True)
class Fast:
    """The two networks' forms for one scan at a time on the CPU."""

    rgb: rgb.FastViT
    points: FastPointMAE

    @classmethod
    @torch.inference_mode()
    def of(cls, backbones: Backbones) -> "Fast":
        """Packs the weights of backbones that are on the CPU."""
        assert backbones.device.type == "cpu"
        dtypes = {name: getattr(torch, value) for name, value in backbones.precision.items()}
        return cls(
            rgb.FastViT(backbones.rgb, dtypes["rgb"]),
            FastPointMAE(backbones.points, dtypes["points"]),
        )


def precisions(options: Features, device: torch.device) -> dict[str, str]:
    """What `features.precision` means for each backbone on a device.

    `auto` leaves the point backbone in float32 where points are in metres: there its tokens differ
    by a fiftieth of their size from group to group, and bfloat16's rounding is as large.
    """
    found = resolve_precision(device, options.precision)
    in_metres = options.precision == "auto" and options.points.normalize == "none"
    return {"rgb": found, "points": "float32" if in_metres else found}


@dataclass(frozen=True)
class Geometry:
    """What the point backbone and the interpolation need of one scan."""

    groups: Groups
    index: np.ndarray  # (224, 224, 3) uint16
    weight: np.ndarray  # (224, 224, 3) float16
    foreground: np.ndarray  # (224, 224) bool


def scan_geometry(scan: PreparedScan, options: PointFeatures) -> Geometry:
    """Group a scan's foreground points and weigh the three nearest centres of each.

    Raises:
        DataError: the scan has fewer foreground points than groups, or none.
    """
    foreground = scan.foreground
    points = normalise_points(scan.points[foreground], options.normalize)
    groups = group_points(points, options.groups, options.group_size)
    index, weight = pixel_weights(points, groups.centres, foreground)
    return Geometry(groups, index, weight, foreground)


@torch.inference_mode()
def extract_features(
    scans: Sequence[PreparedScan],
    geometry: Sequence[Geometry],
    fast: Fast,
    options: Features,
) -> dict[str, np.ndarray]:
    """Features of some scans, as `feature_arrays(options.layout, ...)` names and shapes them.

    To the bit, a scan's features depend neither on the others in the call nor on how many there
    are: each goes through the backbones alone, since a matrix product may round differently in a
    batch of another size. Two cores took as long for four scans one by one as together.
    """
    each = []
    for scan, one in zip(scans, geometry, strict=True):
        patches = _fast_patches(scan, one, fast, options)
        tokens = _fast_tokens(one, fast, options)
        each.append(_arrays(patches, tokens, one, options))
    return {name: np.stack([features[name] for features in each]) for name in each[0]}


def extract_one(
    scan: PreparedScan, geometry: Geometry, fast: Fast, options: Features
) -> dict[str, np.ndarray]:
    """Extract a scan that waits alone, on all cores and to the same bits as `extract_features`.

    Both backbones run side by side and share the threads tile by tile, so that none is idle while
    one of them ends before the other.

    Returns:
        The arrays of the scan, without the axis of scans.
    """
    with scan_threads(torch.device("cpu")) as pool, _drivers() as drivers:

        def each(task: Callable[..., Any], *tiles: Iterable[Any]) -> Iterable[Any]:
            return pool.map(torch.inference_mode()(task), *tiles)  # the mode is a thread's own

        patches = drivers.submit(_fast_patches, scan, geometry, fast, options, each)
        tokens = drivers.submit(_fast_tokens, geometry, fast, options, each)
        return _arrays(patches.result(), tokens.result(), geometry, options)


def _drivers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1))


def _arrays(
    patches: np.ndarray, tokens: np.ndarray, geometry: Geometry, options: Features
) -> dict[str, np.ndarray]:
    arrays = {"rgb": patches.astype(np.float16)}  # (28, 28, 768)
    tokens = tokens.astype(np.float16)  # (G, 1152)
    index, weight = geometry.index, geometry.weight
    if options.layout == "factored":
        return arrays | {"tokens": tokens, "index": index, "weight": weight}
    points = _dense(tokens, index, weight, options.points.pool)
    return arrays | {"points": points, "foreground": geometry.foreground.astype(np.uint8)}


@torch.inference_mode()
def _fast_patches(
    scan: PreparedScan,
    geometry: Geometry,
    fast: Fast,
    options: Features,
    each: Each = map,
) -> np.ndarray:
    """The patch features of one scan, (28, 28, 768) float32."""
    foreground = None if options.rgb.tokens == "all" else geometry.foreground
    return fast.rgb(scan.rgb, foreground, each)


@torch.inference_mode()
def _fast_tokens(geometry: Geometry, fast: Fast, options: Features, each: Each = map) -> np.ndarray:
    """The group tokens of one scan, (G, 1152) float32."""
    tokens = fast.points(
        torch.from_numpy(geometry.groups.neighbourhoods),
        torch.from_numpy(geometry.groups.centres),
        options.points.norm_stats == "sample",
        each,
    )
    return tokens.numpy()


def _dense(tokens: np.ndarray, index: np.ndarray, weight: np.ndarray, pool: bool) -> np.ndarray:
    dense = points_map(
        torch.from_numpy(tokens).float(),
        torch.from_numpy(index.astype(np.int64)),
        torch.from_numpy(weight).float(),
    )
    return (pool_map(dense) if pool else dense).numpy().astype(np.float16)
