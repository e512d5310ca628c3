"""Image networks of timm: the fast and batched forms beside the plain one, and what they make."""

from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
from torch import nn

from mentor3ad.backbones.images import image_spec, kind_of
from mentor3ad.backbones.images.kind import ImageSpec
from mentor3ad.backbones.images.vit import DINO, is_classic
from mentor3ad.backbones.random_weights import CONVOLUTIONS, random_weights
from mentor3ad.features.channels import Grid
from mentor3ad.plumbing.errors import ConfigError

# name, layers, size, expected grid: TensorFlow's uneven padding; a plain ResNet with its activation
# apart; LayerNorm in place of BatchNorm
CONVOLUTIONAL = [
    ("tf_efficientnet_lite0", None, 104, Grid(13, 152)),
    ("tf_efficientnet_lite0", [2], 104, Grid(26, 24)),
    ("resnet18", [1, 3], 96, Grid(24, 320)),
    ("convnext_atto", None, 96, Grid(12, 240)),
    ("mobilenetv3_small_050", None, 96, Grid(12, 40)),
]
# patches of 14, registers, LayerScale; the paper's at another size; a form that timm computes
VITS = [
    ("vit_small_patch14_reg4_dinov2", 112, Grid(8, 384), True),
    ("vit_small_patch8_224.dino", 64, Grid(8, 384), True),
    ("eva02_tiny_patch14_224", None, Grid(16, 192), False),
]


def made(name: str, layers: list[int] | None, size: int | None) -> tuple[nn.Module, ImageSpec]:
    spec = image_spec(name, layers, size)
    depth = {"depth": 2} if spec.tokens else {}
    network = timm.create_model(name, num_classes=0, **depth)
    kind_of(network).fit(network, spec)
    random_weights(network, 0, 0.3, 1.0 if spec.tokens else CONVOLUTIONS)
    return network.eval().requires_grad_(False), spec


def pictures(spec: ImageSpec, count: int) -> torch.Tensor:
    rng = np.random.default_rng(0)
    each = [rng.integers(0, 256, (spec.size, spec.size, 3), np.uint8) for _ in range(count)]
    return torch.from_numpy(np.stack([spec.normalised(picture) for picture in each]))


@pytest.mark.parametrize(("name", "layers", "size", "grid"), CONVOLUTIONAL)
def test_both_forms_of_a_convolutional_network_are_the_plain_one(name, layers, size, grid):
    network, spec = made(name, layers, size)
    images = pictures(spec, 2)
    with torch.inference_mode():
        expected = kind_of(network).plain(network, spec, images)
        fast = kind_of(network).fast(network, spec, torch.float32)
        each = np.stack([fast(image, None) for image in images.numpy()])
        batched = kind_of(network).batched(network, spec, torch.float32)
        together = batched(images, np.ones((2, grid.side, grid.side), bool))
    assert expected.shape == (2, grid.side, grid.side, grid.channels)
    assert spec.grid == grid
    tolerance = {"rtol": 1e-4, "atol": 1e-5 * float(expected.abs().max())}
    torch.testing.assert_close(torch.from_numpy(each), expected, **tolerance)
    torch.testing.assert_close(together, expected, **tolerance)


@pytest.mark.parametrize(("name", "size", "grid", "classic"), VITS)
def test_both_forms_of_a_vit_are_the_plain_one(name, size, grid, classic):
    network, spec = made(name, None, size)
    assert is_classic(network) == classic
    images, side = pictures(spec, 2), spec.grid.side
    with torch.inference_mode():
        expected = kind_of(network).plain(network, spec, images)
        fast = kind_of(network).fast(network, spec, torch.float32)
        each = np.stack([fast(image, None) for image in images.numpy()])
        batched = kind_of(network).batched(network, spec, torch.float32)
        together = batched(images, np.ones((2, side, side), bool))
    assert spec.grid == grid
    torch.testing.assert_close(torch.from_numpy(each), expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(together, expected, rtol=1e-3, atol=1e-4)


def test_the_papers_network_needs_no_look_at_timm():
    assert image_spec("vit_base_patch8_224.dino", None, None) is DINO
    assert image_spec("vit_base_patch8_224.dino", None, 224) is DINO


def test_values_are_averaged_over_three_cells_a_side():
    """A network that hands its input on, at the stride of its stage."""
    network, spec = made("tf_efficientnet_lite0", [3], 104)
    images = pictures(spec, 1)
    with torch.inference_mode():
        cells = kind_of(network).plain(network, spec, images)[0]
        (raw,) = network.forward_intermediates(images, indices=[2], intermediates_only=True)
    torch.testing.assert_close(cells[4, 7], raw[0, :, 3:6, 6:9].mean(dim=(1, 2)))
    torch.testing.assert_close(cells[0, 0], raw[0, :, :2, :2].mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: image_spec("no_such_net", None, None), "no network named no_such_net"),
        (
            lambda: image_spec("resnet18", [9], None),
            r"resnet18 has no stage 9; it has 0 \(stride 2",
        ),
        (lambda: image_spec("vit_tiny_patch16_224", [3], None), "set layers to null"),
        (lambda: image_spec("vit_tiny_patch16_224", None, 100), "100 is no multiple"),
    ],
)
def test_what_a_network_does_not_have_is_named(make: Callable[[], object], message: str):
    with pytest.raises(ConfigError, match=message):
        make()
