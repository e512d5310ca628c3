"""Surface normals of the organised points as a picture, through an image network.

On real parts a small ImageNet network sees more in normals than in heights (docs/decisions/0016):
a scratch hardly changes a height, and turns the surface.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...backbones.images import image_spec
from ...backbones.images.kind import ImageByImage, ImageSpec
from ...compute.device import Each
from ...features.channels import Grid
from ...features.interpolation import grid_map
from ...params.schema import Features, PointFeatures, Preparation
from ...preparation.prepare import PreparedScan
from ...preparation.views import Views, masked
from ...weights.load import load_image_network
from .kind import PointKind

BACKGROUND = 128  # a normal of length zero


@dataclass(frozen=True)
class NormalsGeometry:
    """The map of a scan's normals, as the network sees it."""

    image: np.ndarray  # (3, S, S) float32, normalised
    foreground: np.ndarray  # (224, 224) bool

    @classmethod
    def of(cls, scan: PreparedScan, options: PointFeatures) -> "NormalsGeometry":
        assert scan.normals is not None, "the scan was prepared without normals"
        foreground = scan.foreground
        picture = masked(scan.normals, foreground, BACKGROUND)
        return cls(_spec(options).normalised(picture), foreground)

    def features(
        self, network: ImageByImage, options: PointFeatures, each: Each = map
    ) -> np.ndarray:
        """The cells of the scan, (g, g, C) float32."""
        return network(self.image, None, each)

    def arrays(self, features: np.ndarray, options: Features) -> dict[str, np.ndarray]:
        foreground, cells = self.foreground.astype(np.uint8), features.astype(np.float16)
        if options.layout == "factored":
            return {"xyz": cells, "foreground": foreground}
        dense = grid_map(torch.from_numpy(cells), self.foreground).numpy()
        return {"points": dense.astype(np.float16), "foreground": foreground}


def _spec(options: PointFeatures) -> ImageSpec:
    own = options.normals
    return image_spec(own.model, own.layers, own.size)


def _shape(options: PointFeatures) -> Grid:
    return _spec(options).grid


def _views(options: PointFeatures) -> Views:
    return Views(normals=_spec(options).size, smoothing=options.normals.smoothing)


def _inputs(preparation: Preparation) -> dict[str, Any]:
    names = ("plane_removal", "border_px", "inlier_m")  # of the table, whose frame normals are in
    return {"table": {name: getattr(preparation, name) for name in names}}


def _load(options: PointFeatures, seed: int) -> nn.Module:
    return load_image_network(_spec(options), options.weights, seed, "points")


def _half(options: PointFeatures) -> bool:
    return _spec(options).tokens


KIND = PointKind(_spec, _shape, _views, _inputs, _load, NormalsGeometry.of, _half)
