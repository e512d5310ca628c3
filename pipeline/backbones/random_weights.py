"""Seeded random weights of the two backbones (docs/decisions/0006)."""

import zlib

import torch
from torch import Tensor, nn

RGB_RESIDUAL = 0.03  # scale of what ends a residual branch: a token stays about its own patch,
POINT_RESIDUAL = 0.3  # or its own group and the ones around it
POSITION = 0.1  # Point-MAE adds the position before every block; at 1 it drowns the shape
EMBEDDING_STD = 0.02
SMOOTHING_PX = 1.5  # of the patch filters: a shift by a pixel should not change a token

_BRANCH_ENDS = ("attn.proj.weight", "mlp.fc2.weight")
_EMBEDDINGS = ("pos_embed", "cls_token", "reg_token")
_POSITION_END = "pos_embed.2.weight"
_PATCH_FILTERS = "patch_embed.proj.weight"


CONVOLUTIONS = 2**0.5  # rectifiers halve the variance of what a convolution puts out


def random_weights(model: nn.Module, seed: int, residual: float, gain: float = 1.0) -> None:
    """Fill a backbone in place; a parameter's values do not depend on the other parameters.

    Matrices keep the variance of their input (normal, 1 / sqrt(fan in)), but for two kinds that
    are scaled down: those that end a residual branch, as is usual for deep transformers, and the
    last one of the position embedding. Patch filters are smooth, as images are. Norms are the
    identity, biases zero, embeddings small.

    Args:
        residual: scale of the matrices that end a residual branch.
        gain: scale of convolutions.
    """
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            _fill(name, tensor, zlib.crc32(name.encode(), seed), residual, gain)


def _fill(name: str, tensor: Tensor, seed: int, residual: float, gain: float) -> None:
    kind = name.rpartition(".")[2]
    if kind in ("running_var", "gamma") or (kind == "weight" and tensor.dim() == 1):
        tensor.fill_(1.0)
        return
    if kind != "weight" and kind not in _EMBEDDINGS:
        tensor.zero_()
        return
    std = EMBEDDING_STD if kind in _EMBEDDINGS else tensor[0].numel() ** -0.5
    if tensor.dim() == 4:
        std *= gain
    if name.endswith(_BRANCH_ENDS):
        std *= residual
    elif name.endswith(_POSITION_END):
        std *= POSITION
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(tensor.shape, generator=generator)
    if name.endswith(_PATCH_FILTERS):
        values = _smooth(values)
    tensor.copy_(values * std)


def _smooth(filters: Tensor) -> Tensor:
    """Smooth filters (C, 3, 8, 8) and scale them to a root mean square of 1."""
    from scipy.ndimage import gaussian_filter  # slow to import, and trained weights need none

    sigma = (0, 0, SMOOTHING_PX, SMOOTHING_PX)
    smooth = torch.from_numpy(gaussian_filter(filters.numpy(), sigma, mode="nearest"))
    return smooth / smooth.square().mean().sqrt()
