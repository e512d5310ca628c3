"""MGM, the Mentor of Guidance Module (section III-D): cross-modal reconstruction with a mentor."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..features.channels import PUBLISHED
from ..features.space import FeatureSpace
from ..mentor.losses import cosine_loss
from ..mentor.mapping import mapping_network
from ..mentor.modules import TrainedModule, channels_config
from ..params.schema import MemoryOptions
from .memory import LocalMemory


class GuidedMapping(nn.Module):
    """One direction of eq. 3: MLP3(MLP(F_Mtr) concatenated with the source modality)."""

    def __init__(
        self, source: int, target: int, mentor: int, hidden: int | None, use_mentor: bool
    ) -> None:
        super().__init__()
        self.guide = (
            nn.Sequential(nn.Linear(mentor, mentor), nn.GELU(), nn.Linear(mentor, mentor))
            if use_mentor
            else None
        )
        self.map = mapping_network(source + mentor * use_mentor, target, hidden)

    def forward(self, source: Tensor, mentor: Tensor) -> Tensor:
        if self.guide is None:
            return self.map(source)
        return self.map(torch.cat([self.guide(mentor), source], dim=-1))


class Guidance(TrainedModule):
    """Both directions; without the mentor this is CFM (Table IV, "w/o Mtr").

    It may also keep good features that new ones are compared with: `memories` by modality, xyz
    first, empty where nothing is kept.
    """

    OUT = "mgm"

    def __init__(
        self,
        dim: int,
        hidden: int | None,
        use_mentor: bool,
        components: int | None = None,
        channels: Sequence[int] = PUBLISHED.channels,
        memory: dict[str, Any] | None = None,
    ) -> None:
        """Make an MGM that is still to be trained; arguments as of MFM (`Fusion`).

        Args:
            memory: `model.memory` of the params; None, or no rows: nothing is kept.

        Raises:
            ValueError: the memory's numbers are out of the params' range.
        """
        super().__init__()
        self.config = {
            "dim": dim,
            "hidden": hidden,
            "use_mentor": use_mentor,
            "components": components,
            **channels_config(channels),
            **({"memory": memory} if memory and memory["rows"] else {}),
        }
        rgb, xyz = FeatureSpace(components, channels).channels
        self.to_xyz = GuidedMapping(rgb, xyz, dim, hidden, use_mentor)
        self.to_rgb = GuidedMapping(xyz, rgb, dim, hidden, use_mentor)
        widths = {"xyz": xyz} | ({"rgb": rgb} if memory and memory["rgb"] else {})
        options = MemoryOptions.model_validate(memory) if memory else None
        kept = {
            name: LocalMemory(options.rows, width, options.neighbours, options.ridge)
            for name, width in widths.items()
            if options and options.rows
        }
        self.memories = nn.ModuleDict(kept)

    @property
    def kept(self) -> dict[str, LocalMemory]:
        """The memories by modality."""
        return cast(dict[str, LocalMemory], dict(self.memories.items()))

    def forward(self, rgb: Tensor, xyz: Tensor, mentor: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions F~_RGB (N, R) and F~_XYZ (N, X), each from the other modality."""
        return self.to_rgb(xyz, mentor), self.to_xyz(rgb, mentor)


def guidance_loss(guidance: Guidance, rgb: Tensor, xyz: Tensor, mentor: Tensor) -> Tensor:
    """1 - cosine per pixel, both directions together (eq. 4)."""
    rgb_predicted, xyz_predicted = guidance(rgb, xyz, mentor)
    return cosine_loss(rgb_predicted, rgb) + cosine_loss(xyz_predicted, xyz)
