"""Point-MAE on groups of the foreground points, interpolated to pixels by the three nearest."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...backbones.fast_point_mae import FastPointMAE
from ...backbones.fps import IMPLEMENTATION
from ...backbones.grouping import Groups, group_points, normalise_points
from ...compute.device import Each
from ...features.channels import POINT_CHANNELS, Tokens
from ...features.interpolation import pixel_weights, points_map, pool_map
from ...params.schema import Features, PointFeatures, Preparation
from ...preparation.prepare import PreparedScan
from ...preparation.views import NO_VIEWS
from ...weights.load import load_point_backbone
from .kind import PointKind


@dataclass(frozen=True)
class Geometry:
    """What the point backbone and the interpolation need of one scan."""

    groups: Groups
    index: np.ndarray  # (224, 224, 3) uint16
    weight: np.ndarray  # (224, 224, 3) float16
    foreground: np.ndarray  # (224, 224) bool

    @classmethod
    def of(cls, scan: PreparedScan, options: PointFeatures) -> "Geometry":
        """Group a scan's foreground points and weigh the three nearest centres of each.

        Raises:
            DataError: the scan has fewer foreground points than groups, or none.
        """
        foreground = scan.foreground
        points = normalise_points(scan.points[foreground], options.normalize)
        groups = group_points(points, options.groups, options.group_size)
        index, weight = pixel_weights(points, groups.centres, foreground)
        return cls(groups, index, weight, foreground)

    def features(
        self, network: FastPointMAE, options: PointFeatures, each: Each = map
    ) -> np.ndarray:
        """The group tokens of the scan, (G, 1152) float32."""
        tokens = network(
            torch.from_numpy(self.groups.neighbourhoods),
            torch.from_numpy(self.groups.centres),
            options.norm_stats == "sample",
            each,
        )
        return tokens.numpy()

    def arrays(self, features: np.ndarray, options: Features) -> dict[str, np.ndarray]:
        tokens = features.astype(np.float16)  # (G, 1152)
        if options.layout == "factored":
            return {"tokens": tokens, "index": self.index, "weight": self.weight}
        points = _dense(tokens, self.index, self.weight, options.points.pool)
        return {"points": points, "foreground": self.foreground.astype(np.uint8)}


def _dense(tokens: np.ndarray, index: np.ndarray, weight: np.ndarray, pool: bool) -> np.ndarray:
    dense = points_map(
        torch.from_numpy(tokens).float(),
        torch.from_numpy(index.astype(np.int64)),
        torch.from_numpy(weight).float(),
    )
    return (pool_map(dense) if pool else dense).numpy().astype(np.float16)


def _inputs(preparation: Preparation) -> dict[str, Any]:
    return {"fps": IMPLEMENTATION}


def _load(options: PointFeatures, seed: int) -> nn.Module:
    return load_point_backbone(options.weights, seed)


def _half(options: PointFeatures) -> bool:
    """Not in metres: there tokens differ by a fiftieth of their size from group to group, and
    bfloat16's rounding is as large.
    """
    return options.normalize != "none"


KIND = PointKind(
    spec=lambda options: None,
    shape=lambda options: Tokens(options.groups, POINT_CHANNELS),
    views=lambda options: NO_VIEWS,
    inputs=_inputs,
    load=_load,
    geometry=Geometry.of,
    half=_half,
)
