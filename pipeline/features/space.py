"""The space that MFM and MGM compare features in: all channels, or leading principal components.

A few directions hold nearly all of a backbone's variance, an untrained one's above all, so a
plain cosine hardly sees the rest. Half-whitened components weigh them more evenly. They are taken
about the mean; one constant component stands for it, or the cosine of a pixel near the mean, whose
components are all small, would be noise. The map into the space is affine and all interpolation
weights sum to 1, so it is applied to the cached factors, not to every pixel.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..plumbing.errors import ConfigError
from .channels import PUBLISHED


class Components(nn.Module):
    """The affine map of one modality's features into the space: x (N, C) to x @ basis - offset."""

    basis: Tensor
    offset: Tensor

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.register_buffer("basis", torch.zeros(channels, width))
        self.register_buffer("offset", torch.zeros(width))


class FeatureSpace(nn.Module):
    """Principal components of both modalities and a constant, or all channels.

    All channels are either as they are, or standardised: each about its mean on good pixels, over
    its standard deviation. A trained network's channels have scales that differ tenfold, and a
    cosine or a distance in their own scale sees the few largest.
    """

    def __init__(
        self,
        components: int | None,
        raw: Sequence[int] = PUBLISHED.channels,
        standardised: bool = False,
    ) -> None:
        """Make a space that is still to be fitted.

        Args:
            components: of each modality; None: all channels.
            raw: channels of F_RGB and F_XYZ as stored.
            standardised: of all channels, whether they are standardised.

        Raises:
            ConfigError: more components than channels.
        """
        super().__init__()
        rgb, xyz = self.raw = raw[0], raw[1]
        if components and components > min(raw):
            raise ConfigError(
                f"model.whitening.components = {components}: these backbones' features have {rgb} "
                f"and {xyz} channels; take at most {min(raw)} components, or null for all channels"
            )
        self.components = components
        affine = bool(components) or standardised
        self.rgb = Components(rgb, self.channels[0]) if affine else None
        self.xyz = Components(xyz, self.channels[1]) if affine else None

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of F_RGB and F_XYZ in this space."""
        if self.components is None:
            return self.raw
        return self.components + 1, self.components + 1

    def fit(self, rgb: Tensor, xyz: Tensor, power: float, constant: float) -> None:
        """Fit to pixels' features of good scans.

        Args:
            rgb: F_RGB (N, R); xyz: F_XYZ (N, X).
            power: the exponent of the standard deviation that each component is divided by.
            constant: the last component's value, over the root mean square norm of the others.
        """
        for components, features in ((self.rgb, rgb), (self.xyz, xyz)):
            if components is None:
                continue
            if self.components is None:
                _standardise(components, features)
            else:
                _fit(components, features, power, constant)


def _standardise(space: Components, features: Tensor) -> None:
    """Set the mean and standard deviation of each channel; a constant one becomes 0."""
    features = features.double()
    mean, deviation = features.mean(dim=0), features.std(dim=0)
    deviation = torch.where(deviation > deviation.max() * 1e-6, deviation, 1.0)
    space.basis.copy_(torch.diag(1 / deviation))
    space.offset.copy_(mean / deviation)


def _fit(components: Components, features: Tensor, power: float, constant: float) -> None:
    """Set the leading components, each divided by its standard deviation to `power`.

    With the mean m, and directions V of variances s^2, features become (x - m) V / s^power, divided
    by one number that makes the standard deviation of all their values 1. The sign of a direction
    is free, so it is fixed (its largest entry is positive): the same features give the same basis
    whatever the linear algebra library prefers.
    """
    features = features.double()
    mean = features.mean(dim=0)
    kept = components.basis.shape[1] - 1
    variance, vectors = _leading(features - mean, kept)
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(0, keepdim=True)).sign()
    floor = variance[0] * 1e-12  # a constant direction stays out instead of being blown up
    basis = vectors / variance.clamp_min(floor).sqrt() ** power
    values = (features - mean) @ basis  # (N, kept)
    scale = values.std()
    norm = values.square().sum(dim=1).mean().sqrt() / scale
    components.basis.copy_(F.pad(basis / scale, (0, 1)))
    components.offset.copy_(torch.cat([mean @ basis / scale, -constant * norm[None]]))


def _leading(centred: Tensor, kept: int) -> tuple[Tensor, Tensor]:
    """The largest variances of centred rows (N, C), and their directions.

    Only half of the covariance is computed, and only the directions that are wanted, which takes a
    third of the time of the whole.

    Returns:
        (kept,) falling and (C, kept), float64.
    """
    from scipy.linalg import blas, eigh

    rows = centred.cpu().numpy()
    covariance = blas.dsyrk(1 / (len(rows) - 1), rows.T)  # (C, C), its upper half
    wanted = (len(covariance) - kept, len(covariance) - 1)
    variance, vectors = eigh(covariance, lower=False, subset_by_index=wanted, check_finite=False)
    return (
        torch.from_numpy(variance[::-1].copy()).to(centred.device),
        torch.from_numpy(vectors[:, ::-1].copy()).to(centred.device),
    )
