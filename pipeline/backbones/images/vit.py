"""Vision transformers of timm, by the tokens of their last block: DINO, DINOv2 and others."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...compute.device import Each
from ...features.channels import PUBLISHED, Grid
from ...features.interpolation import fill_background_patches
from ...plumbing.errors import ConfigError
from ..batched.rgb import BatchedViT, fill_background
from ..rgb import BACKBONE, FastViT, known_cells
from ..transformer import HEAD
from .kind import ImageBatch, ImageByImage, ImageKind, ImageSpec

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DINO = ImageSpec(BACKBONE, (), 224, PUBLISHED.rgb, *IMAGENET, tokens=True)


def _claims(network: nn.Module) -> bool:
    return hasattr(network, "patch_embed") and hasattr(network, "num_prefix_tokens")


def _spec(model: str, network: Any, layers: list[int] | None, size: int | None) -> ImageSpec:
    if layers is not None:
        raise ConfigError(f"{model} is a ViT, whose tokens are used: set layers to null")
    config, patch = network.pretrained_cfg, network.patch_embed.patch_size[0]
    side = size or config["input_size"][-1]
    if side % patch:
        raise ConfigError(
            f"{model} has patches of {patch} pixels: size {side} is no multiple of them"
        )
    if side != config["input_size"][-1] and not hasattr(network, "set_input_size"):
        raise ConfigError(f"{model} sees {config['input_size'][-1]} pixels a side only")
    grid = Grid(side // patch, network.num_features)
    return ImageSpec(model, (), side, grid, tuple(config["mean"]), tuple(config["std"]), True)


def _fit(network: Any, spec: ImageSpec) -> None:
    """Bring the position embedding to the size of the picture."""
    if network.patch_embed.img_size != (spec.size, spec.size):
        network.set_input_size(img_size=(spec.size, spec.size))


def plain(network: Any, spec: ImageSpec, images: Tensor) -> Tensor:
    """All tokens (B, g, g, C) through the final norm, without class token and registers."""
    tokens = network.forward_features(images)[:, network.num_prefix_tokens :]
    return tokens.reshape(len(images), spec.grid.side, spec.grid.side, -1)


def is_classic(network: Any) -> bool:
    """Whether it is made of the blocks that our transformers compute: pre-norm, GELU, heads of 64.

    Rotary positions, gated MLPs and norms of queries and keys are not; such networks run as timm
    has them.
    """
    from timm.models.vision_transformer import Block, VisionTransformer

    block: Any = network.blocks[0]
    if not isinstance(network, VisionTransformer) or type(block) is not Block:
        return False
    attention: Any = block.attn
    mlp: Any = block.mlp
    absent = (
        network.norm_pre,
        attention.q_norm,
        *(getattr(x, "norm", None) for x in (attention, mlp)),
    )
    return (
        network.pos_embed is not None
        and network.cls_token is not None
        and attention.qkv.in_features // attention.num_heads == HEAD
        and all(layer is None or isinstance(layer, nn.Identity) for layer in absent)
        and isinstance(mlp.act, nn.GELU)
        and mlp.act.approximate == "none"
    )


class _AsTimmHasIt:
    """A network that our transformers do not know: all of its tokens, by timm's modules."""

    def __init__(self, network: nn.Module, spec: ImageSpec, dtype: torch.dtype) -> None:
        self.network, self.spec, self.dtype = network, spec, dtype

    def _tokens(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return plain(self.network, self.spec, images).float()


class _OneByOne(_AsTimmHasIt):
    def __call__(
        self, image: np.ndarray, foreground: np.ndarray | None, each: Each = map
    ) -> np.ndarray:
        tokens = self._tokens(torch.from_numpy(image[None]))[0].numpy()
        if foreground is None:
            return tokens
        known = known_cells(foreground, self.spec.grid.side)
        return fill_background_patches(tokens * known[..., None], known)


class _Batched(_AsTimmHasIt):
    def __call__(self, images: Tensor, known: np.ndarray) -> Tensor:
        tokens = self._tokens(images)
        if known.all():
            return tokens
        cells = torch.from_numpy(known).to(images.device)
        return fill_background(tokens * cells[..., None], cells)


def _fast(network: nn.Module, spec: ImageSpec, dtype: torch.dtype) -> ImageByImage:
    if is_classic(network):
        return FastViT(network, dtype)
    return _OneByOne(network, spec, dtype)


def _batched(network: nn.Module, spec: ImageSpec, dtype: torch.dtype) -> ImageBatch:
    if is_classic(network):
        return BatchedViT(network, dtype)
    return _Batched(network, spec, dtype)


KIND = ImageKind(
    name="ViT",
    claims=_claims,
    spec=_spec,
    fit=_fit,
    plain=plain,
    fast=_fast,
    batched=_batched,
)
