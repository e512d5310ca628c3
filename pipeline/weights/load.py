"""Weights of the two frozen backbones: pretrained, seeded random, or a file. Never a fallback."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from ..backbones import point_mae, rgb
from ..backbones.random_weights import POINT_RESIDUAL, RGB_RESIDUAL, random_weights
from ..plumbing.errors import WeightsError
from .checkpoints import load_strictly, read_point_mae, read_safetensors
from .pretrained import pretrained_dino, pretrained_point_mae
from .sources import DINO, POINT_MAE, Source, no_file


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
    return _finish(model, path, seed, RGB_RESIDUAL, read_safetensors)


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
    _finish(model, path, seed, POINT_RESIDUAL, read_point_mae)
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
    model: nn.Module,
    path: Path | None,
    seed: int,
    residual: float,
    read: Callable[[Path], dict[str, Tensor]],
) -> nn.Module:
    if path is None:
        random_weights(model, seed, residual)
    else:
        load_strictly(model, read(path), path)
    return model.eval().requires_grad_(False)


def state_sha256(model: nn.Module) -> str:
    """One hash of a model's names, shapes, dtypes and values, in name order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
