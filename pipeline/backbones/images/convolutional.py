"""Convolutional networks of timm: stages of choice, averaged over 3 x 3 cells, on one grid."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...compute.device import Each
from ...features.channels import Grid
from ...plumbing.errors import ConfigError
from ..convolution import freeze_convolutions
from ..timm_library import without_compiler
from .kind import ImageKind, ImageSpec

STRIDES = (8, 16)  # of the stages that are taken where none are named: middle ones say most
# Networks whose published weights saw another normalisation than timm notes.
NORMALISED = {"tf_efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3)}


def _stages(network: nn.Module) -> dict[int, tuple[int, int]]:
    """Place among timm's features, and stride, of each stage that can be taken, by its number.

    A stage has the number that the network's own paper gives it where timm says it; else stages
    are counted from 1, after a stem, which is 0 if it halves the picture.
    """
    found: Any = network.feature_info
    entries = list(getattr(found, "info", found))
    first = 0 if entries[0]["reduction"] == 2 else 1
    numbers = [entry.get("stage", place + first) for place, entry in enumerate(entries)]
    return {number: (i, entries[i]["reduction"]) for i, number in enumerate(numbers)}


def _spec(model: str, network: Any, layers: list[int] | None, size: int | None) -> ImageSpec:
    stages, config = _stages(network), network.pretrained_cfg
    strides = [stride for _, stride in stages.values()]
    if layers is None:
        middle = [n for n, (_, stride) in stages.items() if stride in STRIDES]
        layers = middle or list(stages)[-2:]
    if unknown := [layer for layer in layers if layer not in stages]:
        known = ", ".join(f"{n} (stride {s})" for n, s in zip(stages, strides, strict=True))
        raise ConfigError(f"{model} has no stage {unknown[0]}; it has {known}")
    chosen = tuple(sorted(layers))
    side = size or config["input_size"][-1]
    images = torch.empty(1, 3, side, side, device="meta")
    with without_compiler():
        maps = _maps(network.eval(), chosen, images)
    cells = maps[0].shape[-1]
    if not 2 <= cells <= 224:
        raise ConfigError(
            f"{model} makes a grid of {cells} cells a side of {side} pixels; 2 to 224 can be "
            "used: choose other layers or another size"
        )
    mean, std = NORMALISED.get(model, (tuple(config["mean"]), tuple(config["std"])))
    return ImageSpec(model, chosen, side, Grid(cells, sum(m.shape[1] for m in maps)), mean, std)


def _maps(network: Any, layers: tuple[int, ...], images: Tensor) -> list[Tensor]:
    """The outputs of the stages, (B, C, h, w) each."""
    stages = _stages(network)
    indices = [stages[layer][0] for layer in layers]
    maps: list[Tensor] = network.forward_intermediates(
        images, indices=indices, stop_early=True, intermediates_only=True
    )
    return maps


def _joined(maps: list[Tensor], side: int) -> Tensor:
    """(B, side, side, C): each map averaged over 3 x 3 cells, the coarser ones upsampled."""
    joined = []
    for one in maps:
        mean = F.avg_pool2d(one, 3, stride=1, padding=1, count_include_pad=False)
        if mean.shape[-1] != side:
            mean = F.interpolate(mean, size=(side, side), mode="bilinear", align_corners=False)
        joined.append(mean)
    return torch.cat(joined, dim=1).permute(0, 2, 3, 1).float()


def plain(network: nn.Module, spec: ImageSpec, images: Tensor) -> Tensor:
    """Features (B, g, g, C) of pictures (B, 3, S, S), by timm's own modules."""
    return _joined(_maps(network, spec.layers, images), spec.grid.side)


def fit(network: Any, spec: ImageSpec) -> None:
    """Nothing is taken away: timm keeps what a stage needs, and the rest is not run."""


class _Frozen:
    """The network with BatchNorm in its weights, channels last."""

    def __init__(self, network: nn.Module, spec: ImageSpec, dtype: torch.dtype) -> None:
        self.spec, self.dtype = spec, dtype
        self.network = deepcopy(network).to(memory_format=torch.channels_last)
        self.device = next(network.parameters()).device
        zeros = torch.zeros(1, 3, spec.size, spec.size, device=self.device)
        freeze_convolutions(self.network, lambda net: _maps(net, spec.layers, _last(zeros)))
        if dtype != torch.float32:
            self.network.to(dtype)

    def features(self, images: Tensor) -> Tensor:
        maps = _maps(self.network, self.spec.layers, _last(images.to(self.dtype)))
        return _joined(maps, self.spec.grid.side)


class FoldedConvolutions(_Frozen):
    """One scan at a time on the CPU, on the thread that asks."""

    def __call__(
        self, image: np.ndarray, foreground: np.ndarray | None, each: Each = map
    ) -> np.ndarray:
        return self.features(torch.from_numpy(image[None]))[0].contiguous().numpy()


class FoldedBatch(_Frozen):
    """Many scans at once on a device."""

    def __call__(self, images: Tensor, known: np.ndarray) -> Tensor:
        return self.features(images)


def _last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


KIND = ImageKind(
    name="convolutional network",
    claims=lambda network: hasattr(network, "forward_intermediates") and _has_maps(network),
    spec=_spec,
    fit=fit,
    plain=plain,
    fast=FoldedConvolutions,
    batched=FoldedBatch,
)


def _has_maps(network: Any) -> bool:
    """Whether its features are maps that shrink, and not tokens of one size."""
    return bool(getattr(network, "feature_info", None)) and not hasattr(network, "pos_embed")
