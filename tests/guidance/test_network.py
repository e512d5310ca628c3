"""MGM: without its mentor it is CFM's pair of networks, trained step by step (golden 13)."""

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor

from mentor3ad.guidance.network import Guidance, guidance_loss
from mentor3ad.guidance.training import guidance_terms
from mentor3ad.mentor.losses import cosine_difference
from mentor3ad.training.step import total
from tests.golden_weights import fill

CFM_LAYERS = {"0": "input", "2": "projection", "4": "output"}
CFM_NETWORKS = {"to_xyz": "CFM_2Dto3D", "to_rgb": "CFM_3Dto2D"}
NO_MENTOR = torch.zeros(1, 0)


def cfm_name(name: str) -> str:
    network, _, layer, kind = name.split(".")
    return f"{CFM_NETWORKS[network]}.{CFM_LAYERS[layer]}.{kind}"


@pytest.fixture
def cfm() -> Guidance:
    guidance = Guidance(dim=256, hidden=None, use_mentor=False)
    state = guidance.state_dict()
    guidance.load_state_dict({k: fill(cfm_name(k), tuple(v.shape)) for k, v in state.items()})
    return guidance


@torch.no_grad()
def test_reconstructions_are_the_reference(cfm, golden):
    arrays = golden("13_cfm_training/train.npz")
    rgb, xyz = (torch.from_numpy(arrays[name][0, :8]).float() for name in ("rgb", "xyz"))
    rgb_predicted, xyz_predicted = cfm(rgb, xyz, NO_MENTOR)
    assert_allclose(xyz_predicted, arrays["forward_2Dto3D_rows8"], rtol=0, atol=2e-5)
    assert_allclose(rgb_predicted, arrays["forward_3Dto2D_rows8"], rtol=0, atol=2e-5)


def test_losses_of_two_training_steps_are_the_reference(cfm, golden):
    """The second is measured after a step of Adam over both networks together."""
    arrays = golden("13_cfm_training/train.npz")
    optimiser = torch.optim.Adam(cfm.parameters(), lr=1e-3)
    losses = []
    for rgb, xyz in zip(arrays["rgb"], arrays["xyz"], strict=True):
        foreground = xyz.astype("float32").sum(axis=1) != 0
        rgb, xyz = (torch.from_numpy(a[foreground]).float() for a in (rgb, xyz))
        rgb_predicted, xyz_predicted = cfm(rgb, xyz, NO_MENTOR)
        parts = [(xyz_predicted, xyz), (rgb_predicted, rgb)]
        losses.append([cosine_difference(*part).mean().item() for part in parts])
        optimiser.zero_grad()
        guidance_loss(cfm, rgb, xyz, NO_MENTOR).backward()
        optimiser.step()
    expected = zip(arrays["loss_2Dto3D"], arrays["loss_3Dto2D"], strict=True)
    assert_allclose(losses, list(expected), rtol=1e-4)


@pytest.fixture
def guided() -> Guidance:
    torch.manual_seed(0)
    return Guidance(dim=16, hidden=32, use_mentor=True)


@pytest.fixture
def rows() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(6, 768), torch.randn(6, 1152), torch.randn(6, 16)


def test_each_modality_is_made_of_the_other_and_the_mentor(guided, rows):
    """A modality that saw itself would reconstruct every defect."""
    rgb, xyz, mentor = rows
    rgb_predicted, xyz_predicted = guided(rgb, xyz, mentor)
    other_rgb, other_xyz, other_mentor = (row + 1 for row in rows)
    assert torch.equal(guided(other_rgb, xyz, mentor)[0], rgb_predicted)
    assert torch.equal(guided(rgb, other_xyz, mentor)[1], xyz_predicted)
    assert not torch.equal(guided(rgb, other_xyz, mentor)[0], rgb_predicted)
    assert not torch.equal(guided(other_rgb, xyz, mentor)[1], xyz_predicted)
    for one, two in zip(guided(rgb, xyz, other_mentor), guided(rgb, xyz, mentor), strict=True):
        assert not torch.equal(one, two)


def test_guided_mentor_comes_before_the_source(guided, rows):
    rgb, xyz, mentor = rows
    direction = guided.to_xyz
    expected = direction.map(torch.cat([direction.guide(mentor), rgb], dim=1))
    assert torch.equal(guided(rgb, xyz, mentor)[1], expected)


def test_loss_is_the_sum_of_both_directions(guided, rows):
    rgb, xyz, mentor = rows
    predicted = guided(rgb, xyz, mentor)
    parts = zip(predicted, (rgb, xyz), strict=True)
    expected = sum(1 - torch.cosine_similarity(*part, dim=1).mean() for part in parts)
    torch.testing.assert_close(guidance_loss(guided, rgb, xyz, mentor), expected)


def test_hidden_width_is_cfms_with_the_mentor_among_the_inputs():
    guided = Guidance(dim=256, hidden=None, use_mentor=True)
    assert guided.to_xyz.map[0].in_features == 768 + 256
    assert guided.to_xyz.map[0].out_features == (768 + 256 + 1152) // 2


def test_the_terms_that_are_trained_are_the_loss_and_share_no_parameter(guided, rows):
    terms = guidance_terms(guided)
    assert torch.equal(total(terms)(*rows), guidance_loss(guided, *rows))
    kinds = [{id(value) for value in term.part.parameters()} for term in terms]
    assert not kinds[0] & kinds[1]
    trained = {id(value) for value in guided.parameters()}
    assert kinds[0] | kinds[1] == trained
    for term, kind in zip(terms, kinds, strict=True):
        guided.requires_grad_(True).zero_grad(set_to_none=True)
        term.loss_of(*rows).backward()
        assert {id(value) for value in guided.parameters() if value.grad is not None} == kind
