"""What a kind of point backbone does for extraction; each is one object in a file beside this."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import nn

from ...backbones.images.kind import ImageSpec
from ...compute.device import Each
from ...features.channels import Grid, Tokens
from ...params.schema import Features, PointFeatures, Preparation
from ...preparation.prepare import PreparedScan
from ...preparation.views import Views


class PointGeometry(Protocol):
    """What the network needs of one scan, and what its features are stored with."""

    @property
    def foreground(self) -> np.ndarray:
        """(224, 224) bool."""
        ...

    def features(self, network: Any, options: PointFeatures, each: Each = map) -> np.ndarray:
        """The features of the scan by the network's form for the CPU, float32."""
        ...

    def arrays(self, features: np.ndarray, options: Features) -> dict[str, np.ndarray]:
        """The arrays of F_XYZ, as `feature_arrays` names and shapes them."""
        ...


@dataclass(frozen=True)
class PointKind:
    """A kind of point backbone.

    Attributes:
        spec: of the image network that it puts its points through; None: it has its own network.
        shape: of what the store holds of a scan.
        views: what preparation has to make beside the point map.
        inputs: what the features depend on beside params, weights and the prepared arrays.
        load: the network with its weights; raises WeightsError.
        geometry: of one scan; raises DataError.
        half: whether `precision: auto` may mean bfloat16.
    """

    spec: Callable[[PointFeatures], ImageSpec | None]
    shape: Callable[[PointFeatures], Grid | Tokens]
    views: Callable[[PointFeatures], Views]
    inputs: Callable[[Preparation], dict[str, Any]]
    load: Callable[[PointFeatures, int], nn.Module]
    geometry: Callable[[PreparedScan, PointFeatures], PointGeometry]
    half: Callable[[PointFeatures], bool]
