"""Weights of the frozen backbones: pretrained, seeded random, or a file. Never a fallback."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from ..backbones import point_mae, rgb
from ..backbones.images import kind_of
from ..backbones.images.kind import ImageSpec
from ..backbones.random_weights import CONVOLUTIONS, POINT_RESIDUAL, RGB_RESIDUAL, random_weights
from ..backbones.timm_library import new_network
from ..plumbing.errors import WeightsError
from .checkpoints import load_strictly, read_image_network, read_point_mae, read_safetensors
from .pretrained import pretrained_dino, pretrained_image, pretrained_point_mae
from .sources import DINO, POINT_MAE, Backbone, Source, image_source, no_file


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


def load_image_network(spec: ImageSpec, weights: str, seed: int, backbone: Backbone) -> nn.Module:
    """A network of timm in eval mode, at the size of its spec and without its classifier.

    Args:
        weights: `pretrained` (see `pretrained_image`), `random`, or the path of a .safetensors file
            with timm's parameter names; its classifier's may be there.
        seed: of the random weights.
        backbone: whose place it takes, for messages.

    Raises:
        WeightsError: the weights cannot be had, or do not fit.
    """
    source = image_source(spec.model, backbone)
    path = _file(weights, source, lambda: pretrained_image(source))
    model = new_network(spec.model)
    kind = kind_of(model)
    if path is None:
        kind.fit(model, spec)
        random_weights(model, seed, RGB_RESIDUAL, 1.0 if spec.tokens else CONVOLUTIONS)
        return model.eval().requires_grad_(False)
    state = read_image_network(path, source, model)
    own = model.state_dict()
    if any(own[name].shape != tensor.shape for name, tensor in state.items() if name in own):
        kind.fit(model, spec)  # saved at the size, by a bundle
    load_strictly(model, state, path)
    kind.fit(model, spec)
    return model.eval().requires_grad_(False)


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
