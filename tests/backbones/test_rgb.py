"""DINO's patch features against the reference (golden 12), and its foreground-only path."""

import numpy as np
import pytest
import timm
import torch
from numpy.testing import assert_allclose

from mentor3ad.backbones.rgb import BACKBONE, foreground_patch_features, patch_features
from mentor3ad.preparation.resize import resize_rgb
from mentor3ad.readers.images import read_rgb
from tests.golden_weights import filled_state
from tests.paths import ROOT

GOLDEN = ROOT / "tests/golden" / "12_vit"


@torch.inference_mode()
def test_patch_features_are_the_reference(golden):
    """The whole ViT-B/8, from the image file to the normed patch tokens."""
    with torch.device("meta"):
        vit = timm.create_model(BACKBONE, pretrained=False, num_classes=0)
    vit.load_state_dict(filled_state(vit, "vit."), assign=True)
    image = torch.from_numpy(resize_rgb(read_rgb(GOLDEN / "input.png")))
    features = patch_features(vit.eval(), image[None])[0].reshape(784, 768).numpy()
    expected = golden("12_vit/vit.npz")
    token = features[expected["token_index"]]
    assert_allclose(token.T, expected["features"], rtol=0, atol=3e-5)
    assert_allclose(features.mean(axis=0), expected["features_mean"], rtol=0, atol=3e-5)


@pytest.fixture(scope="module")
def vit(backbones):
    return backbones.rgb


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 224, 224))).float()


def square(top: int, left: int, side: int = 40) -> np.ndarray:
    foreground = np.zeros((224, 224), bool)
    foreground[top : top + side, left : left + side] = True
    return foreground


@torch.inference_mode()
def test_patches_are_in_row_order_after_the_class_token(vit, images):
    features = patch_features(vit, images[:1])
    tokens = vit.forward_features(images[:1])
    assert features.shape == (1, 28, 28, 768)
    assert torch.equal(features[0, 3, 5], tokens[0, 1 + 3 * 28 + 5])


@torch.inference_mode()
def test_foreground_of_a_full_image_equals_all_tokens(vit, images):
    """Exactly: the two settings of features.rgb.tokens are one network."""
    full = np.ones((1, 224, 224), bool)
    expected = patch_features(vit, images[:1])
    assert torch.equal(foreground_patch_features(vit, images[:1], full), expected)


@torch.inference_mode()
def test_foreground_features_do_not_see_the_background(vit, images):
    foreground = square(80, 96)
    other = images[:1].clone()
    other[:, :, ~torch.from_numpy(foreground)] += 1
    one, two = (foreground_patch_features(vit, i, foreground[None]) for i in (images[:1], other))
    assert torch.equal(one, two)


@torch.inference_mode()
def test_foreground_features_reach_one_patch_past_the_part(vit, images):
    features = foreground_patch_features(vit, images[:1], square(80, 96)[None])[0]
    filled = np.zeros((28, 28), bool)
    filled[9:16, 11:18] = True  # 40 pixels are 5 patches, and one around them
    assert np.array_equal((features != 0).any(dim=-1).numpy(), filled)


@torch.inference_mode()
def test_a_patch_with_one_foreground_pixel_is_kept(vit, images):
    foreground = np.zeros((1, 224, 224), bool)
    foreground[0, 87, 95] = True
    features = foreground_patch_features(vit, images[:1], foreground)[0]
    assert torch.equal(features[9, 10], features[10, 11])  # a neighbour has its value alone


@torch.inference_mode()
def test_foreground_features_of_a_batch_equal_those_one_by_one(vit, images):
    foreground = np.stack([square(80, 96), square(0, 184)])
    batch = foreground_patch_features(vit, images, foreground)
    for i in range(2):
        one = foreground_patch_features(vit, images[i : i + 1], foreground[i : i + 1])[0]
        torch.testing.assert_close(batch[i], one, rtol=0, atol=5e-6)
