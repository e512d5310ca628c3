"""Crossmodal Feature Mapping (CFM): each modality's features predicted from the other's.

Two networks of three layers see all channels of one modality and reconstruct the other's. A
pixel's score is the distance of the two unit vectors, and the anomaly map is the product of both
modalities' scores.

Source: Costanzino et al. (CVPR 2024), eqs. 1 to 5. Its code trains on whole scans at a constant
rate; here steps draw pixels, and the rate falls along a cosine, as for our own modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..compute.device import autocast
from ..mentor.losses import cosine_loss
from ..mentor.mapping import mapping_network
from ..params.schema import Params
from ..training.loop import train_module
from ..training.sampling import generator, random_pixels
from ..training.step import Term
from .scans import Scans, bytes_of


class Mappings(nn.Module):
    """Both networks: hidden layers of (in + out) // 2 as published, or of a given width."""

    def __init__(self, rgb: int, xyz: int, hidden: int | None) -> None:
        super().__init__()
        self.to_xyz = mapping_network(rgb, xyz, hidden)
        self.to_rgb = mapping_network(xyz, rgb, hidden)

    def forward(self, rgb: Tensor, xyz: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions of F_RGB (N, R) and F_XYZ (N, X), each from the other."""
        return self.to_rgb(xyz), self.to_xyz(rgb)

    def terms(self) -> tuple[Term, Term]:
        """1 - mean cosine of each direction."""
        return (
            Term(self.to_rgb, lambda rgb, xyz: cosine_loss(self.to_rgb(xyz), rgb)),
            Term(self.to_xyz, lambda rgb, xyz: cosine_loss(self.to_xyz(rgb), xyz)),
        )


@dataclass(frozen=True)
class CrossModal:
    """The trained networks, frozen."""

    networks: Mappings
    precision: str
    maps: ClassVar[tuple[str, ...]] = ("rgb", "xyz")
    join: ClassVar[str] = "product"

    @property
    def bytes(self) -> int:
        return bytes_of(*self.networks.parameters())

    @torch.no_grad()
    def scores(self, scans: Scans, scan: int) -> NDArray[np.float32]:
        """The distance of each modality from its reconstruction, (2, P), at the foreground."""
        parts = []
        for rgb, xyz in scans.tiles(scan, scans.features.foreground[scan]):
            with autocast(rgb.device, self.precision):
                predicted = self.networks(rgb, xyz)
            pairs = zip(predicted, (rgb, xyz), strict=True)
            parts.append(torch.stack([unit_distance(*pair) for pair in pairs]))
        return torch.cat(parts, dim=1).cpu().numpy()


def unit_distance(a: Tensor, b: Tensor) -> Tensor:
    """|a / |a| - b / |b|| of rows (N, C): (N,) float32, which CFM calls its cosine distance."""
    return torch.linalg.vector_norm(F.normalize(a.float()) - F.normalize(b.float()), dim=1)


def fit_mapping(scans: Scans, params: Params, category: str) -> CrossModal:
    """Train both networks on random foreground pixels of the good scans (`rivals.cfm`).

    Raises:
        TrainingError: the loss is not finite.
    """
    options, seed = params.rivals.cfm, params.rivals.seed
    torch.manual_seed(seed)
    networks = Mappings(*scans.features.channels, options.hidden).to(scans.features.device)
    trained = train_module(
        networks,
        networks.terms(),
        scans.features,
        None,
        partial(random_pixels, scans=options.scans, pixels=options.pixels),
        options.steps,
        generator(seed, "cfm", category),
        generator(seed, "cfm held out", category),
        params.model.model_copy(update={"lr": options.lr}),
        iter,
    )
    return CrossModal(trained.module, params.model.precision)
