"""Point-MAE's encoder against the reference's own outputs (golden 03), and its rearrangement.

Stops: the position added once instead of before every block, taps without the final norm, an
exact-erf GELU replaced by its approximation, unbiased batch variance.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose

from mentor3ad.backbones.fast_point_mae import FastPointMAE
from mentor3ad.backbones.grouping import group_points
from mentor3ad.backbones.point_mae import PointMAE
from tests.golden_weights import filled_state

ATOL = 2e-5  # the reference's own float32 error is 3e-6; tokens in metres vary by 0.03 alone
SIZES = {"small_metric": (128, 32), "small_unit": (128, 32), "full_metric": (1024, 128)}


@pytest.fixture(scope="module")
def model() -> PointMAE:
    model = PointMAE()
    model.load_state_dict(filled_state(model))
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module", params=["small_metric", "small_unit"])
def small(request, golden):
    return golden_case(golden, request.param)


def golden_case(golden, name):
    expected = golden(f"03_point_mae/{name}.npz")
    groups = group_points(expected["points"], *SIZES[name])
    assert (groups.centre_index == expected["center_idx"]).all()
    neighbourhoods = torch.from_numpy(groups.neighbourhoods)
    return expected, neighbourhoods, torch.from_numpy(groups.centres)


@pytest.fixture(scope="module")
def fast(model) -> FastPointMAE:
    return FastPointMAE(model, torch.float32)


@pytest.mark.parametrize("mode", ["eval", "bnbatch"])
def test_features_are_the_reference(model, small, mode):
    expected, neighbourhoods, centres = small
    features = model(neighbourhoods[None], centres[None], mode == "bnbatch")[0].numpy()
    assert_allclose(features[expected["rows"]].T, expected[f"features_{mode}"], rtol=0, atol=ATOL)


@torch.inference_mode()
@pytest.mark.parametrize("mode", ["eval", "bnbatch"])
def test_fast_features_are_the_reference(fast, small, mode):
    expected, neighbourhoods, centres = small
    features = fast(neighbourhoods, centres, mode == "bnbatch").numpy()
    assert_allclose(features[expected["rows"]].T, expected[f"features_{mode}"], rtol=0, atol=ATOL)


@pytest.mark.parametrize("mode", ["eval", "bnbatch"])
def test_group_tokens_are_the_reference(model, small, mode):
    expected, neighbourhoods, _ = small
    tokens = model.encoder(neighbourhoods, mode == "bnbatch").numpy()
    assert_allclose(tokens[expected["rows"]], expected[f"tokens_{mode}"], rtol=0, atol=ATOL)


def test_positions_are_the_reference(model, small):
    expected, _, centres = small
    position = model.pos_embed(centres).numpy()
    assert_allclose(position[expected["rows"]], expected["pos"], rtol=0, atol=ATOL)


@torch.inference_mode()
def test_full_size_features_are_the_reference(fast, golden):
    """1024 groups of 128: the paper's count and the published code's group size."""
    expected, neighbourhoods, centres = golden_case(golden, "full_metric")
    features = fast(neighbourhoods, centres, False).numpy()
    rows = expected["rows"]
    assert_allclose(features[rows].T, expected["features_eval"], rtol=0, atol=ATOL)
    assert_allclose(features.mean(axis=0), expected["features_eval_mean"], rtol=0, atol=ATOL)
    peak = np.abs(features).max(axis=0)
    assert_allclose(peak, expected["features_eval_absmax"], rtol=0, atol=ATOL)


@torch.inference_mode()
def test_full_size_tokens_of_sample_statistics_are_the_reference(fast, golden):
    expected, neighbourhoods, _ = golden_case(golden, "full_metric")
    tokens = fast.groups(neighbourhoods[None], True)[0].numpy()[expected["rows"]]
    assert_allclose(tokens, expected["tokens_bnbatch"], rtol=0, atol=ATOL)


@torch.inference_mode()
@pytest.mark.parametrize("sample_stats", [False, True])
@pytest.mark.parametrize(
    ("precision", "tolerance"), [(torch.float32, 3e-6), (torch.bfloat16, 0.03)]
)
def test_fast_encoder_equals_the_published_layers(model, precision, tolerance, sample_stats):
    """Groups that differ, tiles that are not full; error in the unit of what tells groups apart."""
    torch.manual_seed(0)
    neighbourhoods = torch.randn(35, 60, 3) * torch.rand(35, 1, 1)
    expected = model.encoder(neighbourhoods, sample_stats)
    tokens = FastPointMAE(model, precision).groups(neighbourhoods[None], sample_stats)[0]
    error = (tokens - expected).square().mean().sqrt() / expected.std(dim=0).mean()
    assert error < tolerance


def test_attention_equals_the_softmax_written_out(model):
    torch.manual_seed(0)
    x = torch.randn(2, 5, 384)
    attention = model.blocks.blocks[0].attn
    q, k, v = attention.qkv(x).reshape(2, 5, 3, 6, 64).permute(2, 0, 3, 1, 4)
    mixed = F.softmax(q @ k.transpose(-1, -2) / 8, dim=-1) @ v
    expected = attention.proj(mixed.transpose(1, 2).reshape(2, 5, 384))
    torch.testing.assert_close(attention(x), expected, rtol=0, atol=2e-6)


def test_sample_statistics_leave_the_weights_alone(model):
    """Running statistics that drift would make a scan's features depend on those before it."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(torch.randn(1, 4, 8, 3), torch.randn(1, 4, 3), True)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("sample_stats", [False, True])
def test_a_batch_equals_its_scans_one_by_one(model, sample_stats):
    torch.manual_seed(0)
    neighbourhoods, centres = torch.randn(3, 16, 8, 3), torch.randn(3, 16, 3)
    batch = model(neighbourhoods, centres, sample_stats)
    for i in range(3):
        one = model(neighbourhoods[i : i + 1], centres[i : i + 1], sample_stats)[0]
        torch.testing.assert_close(batch[i], one, rtol=0, atol=5e-6)


def test_the_order_of_points_in_a_group_does_not_matter(model):
    torch.manual_seed(0)
    neighbourhoods = torch.randn(6, 10, 3)
    turned = model.encoder(neighbourhoods.flip(1), False)
    torch.testing.assert_close(turned, model.encoder(neighbourhoods, False), rtol=1e-5, atol=1e-5)
