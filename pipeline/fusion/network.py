"""MFM, the Mentor of Fusion Module (section III-C): two modalities into one mentor feature."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..features.channels import PUBLISHED
from ..features.space import FeatureSpace
from ..mentor.losses import Workspace, info_nce, mentor_info_nce
from ..mentor.modules import TrainedModule, channels_config


def _mlp(inputs: int, outputs: int, hidden: int | None) -> nn.Sequential:
    hidden = hidden or (inputs + outputs) // 2
    return nn.Sequential(
        nn.LayerNorm(inputs), nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs)
    )


class Fusion(TrainedModule):
    """F_Mtr = MLP(MLP(F_RGB) concatenated with MLP(F_XYZ)), eq. 1.

    `space` is what F_RGB (N, R) and F_XYZ (N, X) are given in: all channels, or its components.
    """

    OUT = "mfm"

    def __init__(
        self,
        dim: int,
        hidden: int | None,
        components: int | None = None,
        channels: Sequence[int] = PUBLISHED.channels,
        standardised: bool = False,
    ) -> None:
        """Make an MFM that is still to be trained.

        Args:
            channels: of F_RGB and F_XYZ as stored.
            standardised: of a space of all channels; see `FeatureSpace`.

        Raises:
            ConfigError: more components than channels.
        """
        super().__init__()
        self.config = {"dim": dim, "hidden": hidden, "components": components}
        self.config |= channels_config(channels)
        self.config |= {"standardised": True} if standardised else {}
        self.dim = dim
        self.space = FeatureSpace(components, channels, standardised)
        rgb, xyz = self.space.channels
        self.rgb = _mlp(rgb, dim, hidden)
        self.xyz = _mlp(xyz, dim, hidden)
        self.outer = _mlp(2 * dim, dim, hidden)

    def project(self, rgb: Tensor, xyz: Tensor) -> tuple[Tensor, Tensor]:
        """The two projections (N, dim) that InfoNCE compares."""
        return self.rgb(rgb), self.xyz(xyz)

    def fuse(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of two projections."""
        return self.outer(torch.cat([rgb, xyz], dim=-1))

    def forward(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of F_RGB (N, R) and F_XYZ (N, X)."""
        return self.fuse(*self.project(rgb, xyz))


def fusion_loss(
    fusion: Fusion,
    rgb: Tensor,
    xyz: Tensor,
    temperature: float,
    outer: bool,
    workspace: Workspace | None = None,
) -> Tensor:
    """Symmetric InfoNCE of the projections of the same pixel (eq. 2).

    Taken literally the outer MLP is never trained, as the loss does not see it; with `outer`,
    InfoNCE between F_Mtr and each detached projection joins at half weight.

    Args:
        rgb, xyz: F_RGB (N, R) and F_XYZ (N, X).
        workspace: see `info_nce`.
    """
    a, b = fusion.project(rgb, xyz)
    if not outer:
        return info_nce(a, b, temperature, workspace)
    return mentor_info_nce(a, b, fusion.fuse(a, b), temperature, workspace)
