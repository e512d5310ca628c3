"""MFM, the Mentor of Fusion Module (section III-C): two modalities into one mentor feature."""

import torch
from torch import Tensor, nn

from pipeline.losses import info_nce

RGB_CHANNELS = 768
POINT_CHANNELS = 1152


def _mlp(inputs: int, outputs: int, hidden: int | None) -> nn.Sequential:
    hidden = hidden or (inputs + outputs) // 2
    return nn.Sequential(
        nn.LayerNorm(inputs), nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs)
    )


class Fusion(nn.Module):
    """F_Mtr = MLP(MLP(F_RGB) concatenated with MLP(F_XYZ)), eq. 1."""

    def __init__(self, dim: int, hidden: int | None) -> None:
        super().__init__()
        self.dim = dim
        self.rgb = _mlp(RGB_CHANNELS, dim, hidden)
        self.xyz = _mlp(POINT_CHANNELS, dim, hidden)
        self.outer = _mlp(2 * dim, dim, hidden)

    def project(self, rgb: Tensor, xyz: Tensor) -> tuple[Tensor, Tensor]:
        """The two projections that InfoNCE compares: (N, dim) each."""
        return self.rgb(rgb), self.xyz(xyz)

    def fuse(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of two projections."""
        return self.outer(torch.cat([rgb, xyz], dim=-1))

    def forward(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of F_RGB (N, 768) and F_XYZ (N, 1152)."""
        return self.fuse(*self.project(rgb, xyz))


def fusion_loss(
    fusion: Fusion, rgb: Tensor, xyz: Tensor, temperature: float, outer: bool
) -> Tensor:
    """Symmetric InfoNCE of the projections of the same pixel (eq. 2).

    Taken literally the outer MLP is never trained, as the loss does not see it; with `outer`,
    InfoNCE between F_Mtr and each detached projection joins at half weight.
    """
    a, b = fusion.project(rgb, xyz)
    loss = info_nce(a, b, temperature)
    if not outer:
        return loss
    mentor = fusion.fuse(a, b)
    for projection in (a, b):
        loss = loss + info_nce(mentor, projection.detach(), temperature) / 2
    return loss
