"""Turns prepared scans into the arrays of the feature cache on the CPU, as a pure function.

Other devices take scans together, in `batched.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..backbones.fast_point_mae import FastPointMAE
from ..backbones.images import image_spec, kind_of
from ..backbones.images.kind import ImageByImage, ImageSpec
from ..backbones.images.vit import DINO
from ..compute.device import Each, resolve_precision, scan_threads
from ..params.schema import Features, PointFeatures, RGBFeatures
from ..preparation.prepare import PreparedScan
from ..preparation.views import Views, masked
from ..weights.load import load_image_network, load_rgb_backbone, state_sha256
from .points import PointGeometry, point_kind


@dataclass(frozen=True)
class Backbones:
    """The two frozen networks on their device.

    Attributes:
        rgb, points: as published, in float32.
        precision: of each one's matrix products, float32 or bfloat16.
        rgb_spec: what the first sees and makes.
        points_spec: the same of the second, where it is an image network; None: Point-MAE.
    """

    rgb: nn.Module
    points: Any  # a network too: PointMAE, or an image network
    device: torch.device
    precision: dict[str, str] = field(
        default_factory=lambda: {"rgb": "float32", "points": "float32"}
    )
    rgb_spec: ImageSpec = DINO
    points_spec: ImageSpec | None = None

    @classmethod
    def load(cls, options: Features, device: torch.device) -> "Backbones":
        """Load what the params name.

        Raises:
            WeightsError: the weights that the params name cannot be had.
            ConfigError: there is no such network.
        """
        spec, kind = rgb_spec(options.rgb), point_kind(options.points)
        if spec is DINO:
            rgb = load_rgb_backbone(options.rgb.weights, options.seed)
        else:
            rgb = load_image_network(spec, options.rgb.weights, options.seed, "rgb")
        points = kind.load(options.points, options.seed)
        return cls(
            rgb.to(device),
            points.to(device),
            device,
            precisions(options, device),
            spec,
            kind.spec(options.points),
        )

    def sha256(self) -> dict[str, str]:
        return {"rgb": state_sha256(self.rgb), "points": state_sha256(self.points)}


@dataclass(frozen=True)
class Fast:
    """The two networks' forms for one scan at a time on the CPU."""

    rgb: ImageByImage
    points: FastPointMAE | ImageByImage

    @classmethod
    @torch.inference_mode()
    def of(cls, backbones: Backbones) -> "Fast":
        """Packs the weights of backbones that are on the CPU."""
        assert backbones.device.type == "cpu"
        dtypes = {name: getattr(torch, value) for name, value in backbones.precision.items()}
        rgb, points, spec = backbones.rgb, backbones.points, backbones.points_spec
        return cls(
            kind_of(rgb).fast(rgb, backbones.rgb_spec, dtypes["rgb"]),
            FastPointMAE(points, dtypes["points"])
            if spec is None
            else kind_of(points).fast(points, spec, dtypes["points"]),
        )


def rgb_spec(options: RGBFeatures) -> ImageSpec:
    """What the image backbone sees and makes. Raises ConfigError; see `image_spec`."""
    return image_spec(options.model, options.layers, options.size)


def views_of(options: Features) -> Views:
    """What preparation has to make of a scan for these backbones, beside its two arrays."""
    spec = rgb_spec(options.rgb)
    picture = None if spec is DINO else spec.size
    return replace(point_kind(options.points).views(options.points), picture=picture)


def precisions(options: Features, device: torch.device) -> dict[str, str]:
    """What `features.precision` means for each backbone on a device.

    `auto` leaves those in float32 that lose by bfloat16, or gain no time.
    """
    found = resolve_precision(device, options.precision)
    halves = {
        "rgb": rgb_spec(options.rgb).tokens,
        "points": point_kind(options.points).half(options.points),
    }
    auto = options.precision == "auto"
    return {name: found if half or not auto else "float32" for name, half in halves.items()}


def scan_geometry(scan: PreparedScan, options: PointFeatures) -> Any:
    """Do what needs no network: of Point-MAE the groups, of normals their picture.

    Returns:
        The `PointGeometry` of the backbone that the params name.

    Raises:
        DataError: the scan has fewer foreground points than groups, or none.
    """
    return point_kind(options).geometry(scan, options)


def rgb_input(scan: PreparedScan, options: RGBFeatures) -> np.ndarray:
    """What the image backbone sees of a scan: (3, S, S) float32, normalised."""
    spec = rgb_spec(options)
    if spec is DINO:
        return scan.rgb
    assert scan.picture is not None, "the scan was prepared without the picture"
    picture = scan.picture
    if options.tokens == "foreground" and not spec.tokens:
        picture = masked(picture, scan.foreground, 0)
    return spec.normalised(picture)


@torch.inference_mode()
def extract_features(
    scans: Sequence[PreparedScan],
    geometry: Sequence[PointGeometry],
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
        each.append(_arrays(patches, one.features(fast.points, options.points), one, options))
    return {name: np.stack([features[name] for features in each]) for name in each[0]}


def extract_one(
    scan: PreparedScan, geometry: PointGeometry, fast: Fast, options: Features
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
        tokens = drivers.submit(
            torch.inference_mode()(geometry.features), fast.points, options.points, each
        )
        return _arrays(patches.result(), tokens.result(), geometry, options)


def _drivers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1))


def _arrays(
    patches: np.ndarray, tokens: np.ndarray, geometry: PointGeometry, options: Features
) -> dict[str, np.ndarray]:
    return {"rgb": patches.astype(np.float16)} | geometry.arrays(tokens, options)


@torch.inference_mode()
def _fast_patches(
    scan: PreparedScan,
    geometry: PointGeometry,
    fast: Fast,
    options: Features,
    each: Each = map,
) -> np.ndarray:
    """The features of one scan's image, (g, g, C) float32."""
    foreground = None if options.rgb.tokens == "all" else geometry.foreground
    return fast.rgb(rgb_input(scan, options.rgb), foreground, each)
