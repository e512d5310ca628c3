"""From prepared scans to the arrays of the feature cache: a pure function, whatever the store."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pipeline.config import Features, PointFeatures
from pipeline.data.prepare import PreparedScan
from pipeline.features import rgb
from pipeline.features.grouping import Groups, group_points, normalise_points
from pipeline.features.point_mae import PointMAE
from pipeline.features.projection import pixel_weights, points_map, pool_map
from pipeline.features.weights import load_point_backbone, load_rgb_backbone, state_sha256


@dataclass(frozen=True)
class Backbones:
    """The two frozen networks on their device."""

    rgb: nn.Module
    points: PointMAE
    device: torch.device

    @classmethod
    def load(cls, options: Features, device: torch.device) -> "Backbones":
        """Raises WeightsError where the weights that the params name cannot be had."""
        vit = load_rgb_backbone(options.rgb.weights, options.seed)
        points = load_point_backbone(options.points.weights, options.seed)
        return cls(vit.to(device), points.to(device), device)

    def sha256(self) -> dict[str, str]:
        return {"rgb": state_sha256(self.rgb), "points": state_sha256(self.points)}


@dataclass(frozen=True)
class Geometry:
    """What the point backbone and the projection need of one scan."""

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
    backbones: Backbones,
    options: Features,
) -> dict[str, np.ndarray]:
    """Features of some scans, as `feature_arrays(options.layout, ...)` names and shapes them.

    To the bit, a scan's features depend neither on the others in the call nor on how many there
    are: each goes through the backbones alone, since a matrix product may round differently in a
    batch of another size. Two cores took as long for four scans one by one as together.
    """
    each = [_scan_features(*one, backbones, options) for one in zip(scans, geometry, strict=True)]
    return {name: np.stack([features[name] for features in each]) for name in each[0]}


def _scan_features(
    scan: PreparedScan, geometry: Geometry, backbones: Backbones, options: Features
) -> dict[str, np.ndarray]:
    arrays = {"rgb": _rgb_features(scan, geometry, backbones, options)}
    tokens = _tokens(geometry, backbones, options.points)
    index, weight = geometry.index, geometry.weight
    if options.layout == "factored":
        return arrays | {"tokens": tokens, "index": index, "weight": weight}
    points = _dense(tokens, index, weight, options.points.pool)
    return arrays | {"points": points, "foreground": geometry.foreground.astype(np.uint8)}


def _rgb_features(
    scan: PreparedScan, geometry: Geometry, backbones: Backbones, options: Features
) -> np.ndarray:
    images = torch.from_numpy(scan.rgb[None]).to(backbones.device)
    if options.rgb.tokens == "all":
        features = rgb.patch_features(backbones.rgb, images)
    else:
        foreground = geometry.foreground[None]
        features = rgb.foreground_patch_features(backbones.rgb, images, foreground)
    return features[0].cpu().numpy().astype(np.float16)  # (28, 28, 768)


def _tokens(geometry: Geometry, backbones: Backbones, options: PointFeatures) -> np.ndarray:
    tokens = backbones.points(
        torch.from_numpy(geometry.groups.neighbourhoods[None]).to(backbones.device),
        torch.from_numpy(geometry.groups.centres[None]).to(backbones.device),
        options.norm_stats == "sample",
    )
    return tokens[0].cpu().numpy().astype(np.float16)  # (G, 1152)


def _dense(tokens: np.ndarray, index: np.ndarray, weight: np.ndarray, pool: bool) -> np.ndarray:
    dense = points_map(
        torch.from_numpy(tokens).float(),
        torch.from_numpy(index.astype(np.int64)),
        torch.from_numpy(weight).float(),
    )
    return (pool_map(dense) if pool else dense).numpy().astype(np.float16)
