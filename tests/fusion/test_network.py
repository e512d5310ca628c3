"""MFM: what its loss is made of, and what it trains."""

import pytest
import torch
from torch import Tensor

from mentor3ad.fusion.network import Fusion, fusion_loss
from mentor3ad.mentor.losses import info_nce
from mentor3ad.plumbing.errors import ConfigError


@pytest.fixture
def fusion() -> Fusion:
    torch.manual_seed(0)
    return Fusion(dim=16, hidden=24)


@pytest.fixture
def rows() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(12, 768), torch.randn(12, 1152)


def test_mentor_is_the_outer_mlp_of_rgb_then_xyz(fusion, rows):
    """Equation 1; a swap of the two halves would go unseen with a trained outer MLP."""
    joined = torch.cat([fusion.rgb(rows[0]), fusion.xyz(rows[1])], dim=1)
    assert torch.equal(fusion(*rows), fusion.outer(joined))


def test_hidden_width_defaults_to_the_mean_of_both_sides():
    fusion = Fusion(dim=16, hidden=None)
    assert [fusion.rgb[1].out_features, fusion.xyz[1].out_features] == [392, 584]
    assert fusion.outer[1].out_features == 24


def test_pixels_are_fused_one_by_one(fusion, rows):
    whole = fusion(*rows)
    torch.testing.assert_close(fusion(rows[0][3:5], rows[1][3:5]), whole[3:5])


def test_loss_without_the_outer_part_is_the_papers(fusion, rows):
    loss = fusion_loss(fusion, *rows, 0.07, outer=False)
    assert torch.equal(loss, info_nce(*fusion.project(*rows), 0.07))
    loss.backward()
    assert all(p.grad is None for p in fusion.outer.parameters())
    assert all(p.grad is not None for p in fusion.rgb.parameters())


def test_outer_part_adds_half_of_each_projection(fusion, rows):
    a, b = fusion.project(*rows)
    mentor = fusion.fuse(a, b)
    expected = info_nce(a, b, 0.1) + (info_nce(mentor, a, 0.1) + info_nce(mentor, b, 0.1)) / 2
    torch.testing.assert_close(fusion_loss(fusion, *rows, 0.1, outer=True), expected)


def test_projections_are_targets_of_the_outer_part_not_its_pupils(fusion, rows):
    """Detached: the gradient of a projection is that of InfoNCE and of its way through fuse."""
    fusion_loss(fusion, *rows, 0.1, outer=True).backward()
    a, b = fusion.project(*rows)
    fixed, bias = (a.detach(), b.detach()), fusion.rgb[3].bias
    mentor = fusion.fuse(a, b)
    loss = info_nce(a, b, 0.1) + sum(info_nce(mentor, target, 0.1) for target in fixed) / 2
    (expected,) = torch.autograd.grad(loss, bias)
    torch.testing.assert_close(bias.grad, expected)
    assert all(p.grad.any() for p in fusion.outer.parameters())


def test_channels_come_from_the_features():
    fusion = Fusion(dim=16, hidden=24, components=None, channels=(152, 200))
    assert fusion(torch.randn(3, 152), torch.randn(3, 200)).shape == (3, 16)
    assert Fusion(**fusion.config).space.channels == (152, 200)


def test_a_module_of_the_papers_backbones_names_no_channels(fusion):
    """So that its file has the bytes that it had before there was a choice."""
    assert fusion.config == {"dim": 16, "hidden": 24, "components": None}


def test_more_components_than_channels_are_refused():
    with pytest.raises(ConfigError, match=r"components = 153.*152 and 200 channels.*at most 152"):
        Fusion(dim=16, hidden=24, components=153, channels=(152, 200))
