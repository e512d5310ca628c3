"""What a kind of image network does for extraction; each is one object in a file beside this."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...compute.device import Each
from ...features.channels import Grid


@dataclass(frozen=True)
class ImageSpec:
    """An image network as it is used here: what it sees, and the grid of features that it makes.

    Attributes:
        model: timm's name.
        layers: stages whose outputs are joined; empty: the tokens of the last block.
        size: pixels along a side of the picture that it sees.
        grid: cells along a side, and channels.
        mean, std: of the picture's channels, by which values of 0 to 1 are normalised.
        tokens: whether its cells are tokens, of which those without foreground may be left out, and
            which bfloat16 serves well. Of other networks the picture's background is made black,
            and `precision: auto` is float32, which is as fast on CPUs.
    """

    model: str
    layers: tuple[int, ...]
    size: int
    grid: Grid
    mean: tuple[float, ...]
    std: tuple[float, ...]
    tokens: bool = False

    def normalised(self, picture: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 to the network's input, (3, S, S) float32, channels last in memory."""
        height, width = picture.shape[:2]
        std = np.tile(
            np.asarray(self.std, np.float32), width
        )  # rows whole: three at a time is slow
        mean = np.tile(np.asarray(self.mean, np.float32), width)
        values = picture.reshape(height, -1) * (1 / (np.float32(255) * std))
        values -= mean / std
        return values.reshape(picture.shape).transpose(2, 0, 1)


class ImageByImage(Protocol):
    """A network's form for one scan at a time on the CPU."""

    def __call__(
        self, image: np.ndarray, foreground: np.ndarray | None, each: Each = map, /
    ) -> np.ndarray:
        """(3, S, S) and the foreground (224, 224), or None for all cells, to (g, g, C) float32."""
        ...


class ImageBatch(Protocol):
    """A network's form for many scans at once on any device."""

    def __call__(self, images: Tensor, known: np.ndarray, /) -> Tensor:
        """(B, 3, S, S) float32 and the cells to compute (B, g, g) bool to (B, g, g, C) float32."""
        ...


@dataclass(frozen=True)
class ImageKind:
    """A kind of image networks.

    Attributes:
        name: in messages.
        claims: whether a network of timm, on the meta device, is of the kind.
        spec: what the network makes, of stages and a size that are None where the model's own hold;
            raises ConfigError where it has no such stage or size.
        fit: brings a network with its weights to the spec, in place: its input size, and away with
            what is not used.
        plain: the features as the network says, (B, 3, S, S) to (B, g, g, C): what the fast forms
            are held to.
        fast, batched: the forms that compute, in a dtype.
    """

    name: str
    claims: Callable[[nn.Module], bool]
    spec: Callable[[str, nn.Module, list[int] | None, int | None], ImageSpec]
    fit: Callable[[nn.Module, ImageSpec], None]
    plain: Callable[[nn.Module, ImageSpec, Tensor], Tensor]
    fast: Callable[[nn.Module, ImageSpec, torch.dtype], ImageByImage]
    batched: Callable[[nn.Module, ImageSpec, torch.dtype], ImageBatch]
