"""Point-MAE's encoder for a batch of scans; with sample statistics each scan has its own."""

import torch
from torch import Tensor

from ..group_encoder import FoldedGroupEncoder
from ..point_mae import TAPS, PointMAE
from .transformer import PackedTransformer, Packing


class BatchedPointMAE:
    """The frozen encoder for many scans at once."""

    def __init__(self, model: PointMAE, dtype: torch.dtype) -> None:
        self.groups = FoldedGroupEncoder(model.encoder, dtype)
        self.position = model.pos_embed
        self.encoder = PackedTransformer(model.blocks.blocks, model.norm, TAPS, dtype)

    def __call__(self, neighbourhoods: Tensor, centres: Tensor, sample_stats: bool) -> Tensor:
        """`PointMAE.forward`: (B, G, K, 3) and (B, G, 3) to (B, G, 1152) float32."""
        scans, groups = centres.shape[:2]
        tokens = self.groups(neighbourhoods, sample_stats).flatten(0, 1)  # (B * G, 384)
        position = self.position(centres).flatten(0, 1)
        packing = Packing.of([groups] * scans, tokens.device)
        return self.encoder(tokens, packing, position).view(scans, groups, -1)
