"""Image networks of timm. A kind is a module here, and its line in `KINDS`."""

from functools import cache
from typing import TYPE_CHECKING

from ...plumbing.errors import ConfigError
from ..timm_library import new_network, timm_library
from . import convolutional, vit
from .kind import ImageKind, ImageSpec

if TYPE_CHECKING:
    from torch import nn

KINDS: tuple[ImageKind, ...] = (vit.KIND, convolutional.KIND)  # the first that claims a network


def empty_network(model: str) -> "nn.Module":
    """A network of timm without its classifier, on the meta device: no memory for its weights.

    Raises:
        ConfigError: timm has no such network.
    """
    import torch

    if not timm_library().is_model(model):
        raise ConfigError(f"timm has no network named {model}; `timm.list_models()` lists them")
    with torch.device("meta"):
        return new_network(model)


def kind_of(network: "nn.Module") -> ImageKind:
    """Raises ConfigError where no kind knows what to do with the network."""
    for kind in KINDS:
        if kind.claims(network):
            return kind
    raise ConfigError(
        f"{type(network).__name__} is neither a ViT nor a convolutional network with stages"
    )


def image_spec(model: str, layers: list[int] | None, size: int | None) -> ImageSpec:
    """What a network sees and makes.

    Args:
        layers: stages of a convolutional network; None: its middle ones.
        size: pixels along a side of the picture; None: the model's own.

    Raises:
        ConfigError: no such network, stage or size.
    """
    if (model, layers, size) in ((vit.BACKBONE, None, None), (vit.BACKBONE, None, vit.DINO.size)):
        return vit.DINO  # the paper's, without a look at timm
    return _spec(model, None if layers is None else tuple(layers), size)


@cache
def _spec(model: str, layers: tuple[int, ...] | None, size: int | None) -> ImageSpec:
    network = empty_network(model)
    return kind_of(network).spec(model, network, None if layers is None else list(layers), size)
