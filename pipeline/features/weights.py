"""Weights of the two frozen backbones: pretrained, seeded random, or a file. Never a fallback."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import WeightsError
from pipeline.features import point_mae, rgb
from pipeline.features.checkpoints import load_strictly, read_point_mae, read_safetensors
from pipeline.features.pretrained import pretrained_dino, pretrained_point_mae
from pipeline.features.sources import DINO, POINT_MAE, Source, no_file

RESIDUAL_SCALE = 0.3  # near 1 / sqrt(2 * depth) of GPT-2's initialisation
_BRANCH_ENDS = ("attn.proj.weight", "mlp.fc2.weight")


def load_rgb_backbone(weights: str, seed: int) -> nn.Module:
    """DINO ViT-B/8 in eval mode.

    Args:
        weights: `pretrained` (see `pretrained_dino`), `random`, or the path of a .safetensors file
            with timm's parameter names.
        seed: of the random weights.

    Raises:
        WeightsError: the weights cannot be had, or do not fit.
    """
    path = _file(weights, DINO, pretrained_dino)
    model = rgb.empty_vit().to_empty(device="cpu")
    return _finish(model, path, seed, read_safetensors)


def load_point_backbone(weights: str, seed: int) -> point_mae.PointMAE:
    """Point-MAE's encoder in eval mode.

    Args:
        weights: `pretrained` (see `pretrained_point_mae`), `random`, or the path of a .safetensors
            file of the encoder or of the published pretrain.pth.
        seed: of the random weights.

    Raises:
        WeightsError: the weights are missing, damaged or do not fit.
    """
    path = _file(weights, POINT_MAE, pretrained_point_mae)
    model = point_mae.PointMAE()
    _finish(model, path, seed, read_point_mae)
    return model


def _file(weights: str, source: Source, pretrained: Callable[[], Path]) -> Path | None:
    """The file that a param names; None for random weights."""
    if weights == "random":
        return None
    if weights == "pretrained":
        return pretrained()
    if not Path(weights).is_file():
        raise WeightsError(no_file(source, weights))
    return Path(weights)


def _finish(
    model: nn.Module, path: Path | None, seed: int, read: Callable[[Path], dict[str, Tensor]]
) -> nn.Module:
    if path is None:
        random_weights(model, seed)
    else:
        load_strictly(model, read(path), path)
    return model.eval().requires_grad_(False)


def random_weights(model: nn.Module, seed: int) -> None:
    """Seeded random weights: the same for a parameter whatever the others are.

    Matrices keep the variance of their input (normal, 1 / sqrt(fan in)), but for those that end a
    residual branch: they are scaled down, as is usual for deep transformers, so that a token stays
    about its own patch or group. Norms are the identity, biases zero, embeddings small.
    """
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        generator = torch.Generator().manual_seed(zlib.crc32(name.encode(), seed))
        if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
            tensor.fill_(1.0)
        elif name.endswith("weight"):
            std = tensor[0].numel() ** -0.5
            if name.endswith(_BRANCH_ENDS):
                std *= RESIDUAL_SCALE
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * std)
        elif name.rpartition(".")[2] in ("pos_embed", "cls_token"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.02)
        else:
            tensor.zero_()


def state_sha256(model: nn.Module) -> str:
    """One hash of a model's names, shapes, dtypes and values, in name order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
