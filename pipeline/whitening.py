"""The space that MFM and MGM compare features in: all channels, or leading principal components.

A few directions hold nearly all of a backbone's variance, an untrained one's above all, so a
plain cosine hardly sees the rest. Half-whitened components weigh them more
evenly. The projection is linear, so it is applied to the cached factors, not to every pixel.
"""

import torch
from torch import Tensor, nn

RGB_CHANNELS = 768
POINT_CHANNELS = 1152


class Projection(nn.Module):
    """x -> x @ basis - offset, of one modality."""

    basis: Tensor
    offset: Tensor

    def __init__(self, channels: int, components: int) -> None:
        super().__init__()
        self.register_buffer("basis", torch.zeros(channels, components))
        self.register_buffer("offset", torch.zeros(components))


class FeatureSpace(nn.Module):
    """Principal components of both modalities, or the features as they are."""

    def __init__(self, components: int | None) -> None:
        super().__init__()
        self.components = components
        self.rgb = Projection(RGB_CHANNELS, components) if components else None
        self.xyz = Projection(POINT_CHANNELS, components) if components else None

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of F_RGB and F_XYZ in this space."""
        return self.components or RGB_CHANNELS, self.components or POINT_CHANNELS

    def fit(self, rgb: Tensor, xyz: Tensor, power: float) -> None:
        """Fit to pixels' features (N, 768) and (N, 1152) of good scans."""
        for projection, features in ((self.rgb, rgb), (self.xyz, xyz)):
            if projection is not None:
                _fit(projection, features, power)


def _fit(projection: Projection, features: Tensor, power: float) -> None:
    """Leading components, each divided by its standard deviation to `power`, at unit scale.

    The eigenvectors' signs are fixed (largest entry positive), so that the same features give the
    same basis whatever the linear algebra library prefers.
    """
    features = features.double()
    mean = features.mean(dim=0)
    covariance = torch.cov((features - mean).T)
    variance, vectors = torch.linalg.eigh(covariance)
    kept = projection.basis.shape[1]
    variance, vectors = variance.flip(0)[:kept], vectors.flip(1)[:, :kept]
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
    floor = variance[0] * 1e-12  # a constant direction stays out instead of being blown up
    basis = vectors / variance.clamp_min(floor).sqrt() ** power
    basis = basis / ((features - mean) @ basis).std()
    projection.basis.copy_(basis)
    projection.offset.copy_(mean @ basis)
