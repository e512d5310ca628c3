"""The batched backbones against the plain ones, scan by scan, in float32; and bfloat16's distance.

Stops: a scan that attends to another or to padding, patches of one scan written to another,
statistics pooled over the batch.
"""

import copy

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from torch.nn.functional import cosine_similarity

import mentor3ad.backbones.group_encoder as group_encoder
from mentor3ad.backbones.batched.point_mae import BatchedPointMAE
from mentor3ad.backbones.batched.rgb import BatchedViT, fill_background
from mentor3ad.backbones.batched.transformer import Packing
from mentor3ad.backbones.point_mae import PointMAE
from mentor3ad.backbones.rgb import foreground_patch_features, patch_features
from mentor3ad.features.interpolation import fill_background_patches
from tests.batches import DEVICES
from tests.golden_weights import filled_state

ATOL = 2e-5  # of features of size 1, in float32: that of the golden vectors


def images(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3, 224, 224))).float()


def squares(*corners: tuple[int, int, int]) -> np.ndarray:
    """Foregrounds (B, 224, 224): a square each, by top, left and side."""
    foreground = np.zeros((len(corners), 224, 224), bool)
    for one, (top, left, side) in zip(foreground, corners, strict=True):
        one[top : top + side, left : left + side] = True
    return foreground


def known(foreground: np.ndarray) -> np.ndarray:
    return foreground.reshape(-1, 28, 8, 28, 8).any(axis=(2, 4))


@pytest.mark.parametrize("device", DEVICES)
@torch.inference_mode()
def test_foreground_patches_of_a_batch_are_those_of_each_scan(backbones, device):
    foreground = squares((80, 96, 40), (0, 184, 40), (100, 3, 9), (0, 0, 120))
    expected = foreground_patch_features(backbones.rgb, images(4), foreground)
    vit = BatchedViT(copy.deepcopy(backbones.rgb).to(device), torch.float32)
    features = vit(images(4).to(device), known(foreground)).cpu()
    torch.testing.assert_close(features, expected, rtol=0, atol=ATOL)
    assert_array_equal(features != 0, expected != 0)


@pytest.mark.parametrize("device", DEVICES)
@torch.inference_mode()
def test_all_patches_of_a_batch_are_those_of_each_scan(backbones, device):
    expected = patch_features(backbones.rgb, images(2))
    vit = BatchedViT(copy.deepcopy(backbones.rgb).to(device), torch.float32)
    features = vit(images(2).to(device), np.ones((2, 28, 28), bool)).cpu()
    torch.testing.assert_close(features, expected, rtol=0, atol=ATOL)


@torch.inference_mode()
def test_a_scan_does_not_see_the_others(backbones):
    vit, corners = BatchedViT(backbones.rgb, torch.float32), [(80, 96, 40), (0, 184, 40)]
    one, other = images(2), images(2)
    other[1] = 9.0
    alone, beside = (vit(i, known(squares(*corners)))[0] for i in (one, other))
    assert torch.equal(alone, beside)


@torch.inference_mode()
def test_the_filled_border_is_the_plain_ones_to_the_bit():
    mask = known(squares((80, 96, 40), (0, 184, 40), (50, 50, 1)))
    features = np.random.default_rng(0).normal(size=(3, 28, 28, 5)).astype(np.float32)
    features[~mask] = 0
    expected = [fill_background_patches(*one) for one in zip(features, mask, strict=True)]
    filled = fill_background(torch.from_numpy(features), torch.from_numpy(mask))
    assert_array_equal(filled, expected)


@torch.inference_mode()
def test_packed_attention_is_that_of_each_scan_alone():
    torch.manual_seed(0)
    lengths = [3, 7, 1]
    qkv = torch.randn(sum(lengths), 3 * 128)
    together = Packing.of(lengths, torch.device("cpu")).attend(qkv)
    alone = [Packing.of([len(q)], torch.device("cpu")).attend(q) for q in qkv.split(lengths)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def model() -> PointMAE:
    model = PointMAE()
    model.load_state_dict(filled_state(model))
    return model.eval().requires_grad_(False)


def clouds(scans: int = 3, groups: int = 16, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Scans of different scale, so that statistics of all are those of none."""
    torch.manual_seed(0)
    scale = torch.linspace(0.5, 2, scans)[:, None, None]
    return torch.randn(scans, groups, size, 3) * scale[..., None], torch.randn(scans, groups, 3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("sample_stats", [False, True])
@torch.inference_mode()
def test_tokens_of_a_batch_are_those_of_each_scan(model, sample_stats, device):
    neighbourhoods, centres = clouds()
    expected = [
        model(*one, sample_stats) for one in zip(*(t[:, None] for t in clouds()), strict=True)
    ]
    batched = BatchedPointMAE(copy.deepcopy(model).to(device), torch.float32)
    tokens = batched(neighbourhoods.to(device), centres.to(device), sample_stats).cpu()
    torch.testing.assert_close(tokens, torch.cat(expected), rtol=0, atol=ATOL)


@pytest.mark.parametrize("sample_stats", [False, True])
@torch.inference_mode()
def test_the_tile_does_not_matter(model, monkeypatch, sample_stats):
    inputs = clouds()
    batched = BatchedPointMAE(model, torch.float32)
    expected = batched(*inputs, sample_stats)
    monkeypatch.setattr(group_encoder, "TILE_POINTS", 3 * 8 * 5)  # 5 groups of 16
    torch.testing.assert_close(batched(*inputs, sample_stats), expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("mode", ["eval", "bnbatch"])
@torch.inference_mode()
def test_group_tokens_are_the_reference(model, golden, mode):
    """Golden 03, twice in one batch."""
    from ..test_point_mae import golden_case

    expected, neighbourhoods, _ = golden_case(golden, "small_unit")
    encoder = BatchedPointMAE(model, torch.float32).groups
    tokens = encoder(torch.stack([neighbourhoods, neighbourhoods]), mode == "bnbatch")
    for one in tokens.numpy():
        np.testing.assert_allclose(
            one[expected["rows"]], expected[f"tokens_{mode}"], rtol=0, atol=ATOL
        )


@pytest.mark.parametrize("sample_stats", [False, True])
@torch.inference_mode()
def test_bfloat16_is_near_float32(model, sample_stats):
    tokens, half = (
        BatchedPointMAE(model, dtype)(*clouds(), sample_stats)
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == torch.float32
    assert cosine_similarity(tokens, half, dim=-1).min() > 0.999
    assert not torch.equal(tokens, half)


@torch.inference_mode()
def test_bfloat16_patches_are_near_float32(backbones):
    foreground = known(squares((80, 96, 40), (0, 184, 40)))
    one, two = (
        BatchedViT(backbones.rgb, dtype)(images(2), foreground)[torch.from_numpy(foreground)]
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert cosine_similarity(one, two, dim=-1).min() > 0.999
    assert not torch.equal(one, two)
