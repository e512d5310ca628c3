"""Point-MAE's encoder for one scan at a time on the CPU: the same tokens, sooner."""

import torch
from torch import Tensor

from ..compute.device import Each
from .group_encoder import FoldedGroupEncoder
from .point_mae import TAPS, PointMAE
from .transformer import Transformer


class FastPointMAE:
    """The frozen encoder; positions and the first layer of the groups stay in float32."""

    def __init__(self, model: PointMAE, dtype: torch.dtype) -> None:
        self.groups = FoldedGroupEncoder(model.encoder, dtype)
        self.position = model.pos_embed
        self.encoder = Transformer(model.blocks.blocks, model.norm, TAPS, dtype)

    def __call__(
        self, neighbourhoods: Tensor, centres: Tensor, sample_stats: bool, each: Each = map
    ) -> Tensor:
        """(G, K, 3) and (G, 3) of one scan to (G, 1152), all float32; see `PointMAE`."""
        tokens = self.groups(neighbourhoods[None], sample_stats, each)[0]  # (G, 384)
        return self.encoder(tokens, self.position(centres), each)
