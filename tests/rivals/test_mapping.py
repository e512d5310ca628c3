"""CFM: its networks step by step (golden 13), its score maps and their product (golden 06)."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from mentor3ad.rivals.join import smoothed_maps
from mentor3ad.rivals.mapping import Mappings, unit_distance
from mentor3ad.training.step import total
from tests.golden_weights import fill

LAYERS = {"0": "input", "2": "projection", "4": "output"}
NETWORKS = {"to_xyz": "CFM_2Dto3D", "to_rgb": "CFM_3Dto2D"}
PUBLISHED_BLUR = [5, 5, 5, 5, 5, 7, 7, 7]


@pytest.fixture
def networks() -> Mappings:
    made = Mappings(768, 1152, None)
    state = {}
    for key, value in made.state_dict().items():
        network, layer, kind = key.split(".")
        state[key] = fill(f"{NETWORKS[network]}.{LAYERS[layer]}.{kind}", tuple(value.shape))
    made.load_state_dict(state)
    return made


@torch.no_grad()
def test_reconstructions_are_the_reference(networks, golden):
    arrays = golden("13_cfm_training/train.npz")
    rgb, xyz = (torch.from_numpy(arrays[name][0, :8]).float() for name in ("rgb", "xyz"))
    rgb_predicted, xyz_predicted = networks(rgb, xyz)
    assert_allclose(xyz_predicted, arrays["forward_2Dto3D_rows8"], rtol=0, atol=2e-5)
    assert_allclose(rgb_predicted, arrays["forward_3Dto2D_rows8"], rtol=0, atol=2e-5)


def test_losses_of_training_steps_are_the_reference(networks, golden):
    arrays = golden("13_cfm_training/train.npz")
    optimiser = torch.optim.Adam(networks.parameters(), lr=1e-3)
    losses = []
    for rgb, xyz in zip(arrays["rgb"], arrays["xyz"], strict=True):
        foreground = xyz.astype("float32").sum(axis=1) != 0
        rgb, xyz = (torch.from_numpy(a[foreground]).float() for a in (rgb, xyz))
        loss = total(networks.terms())(rgb, xyz)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    expected = arrays["loss_2Dto3D"] + arrays["loss_3Dto2D"]
    assert_allclose(losses, expected[: len(losses)], rtol=1e-4)


def test_scores_and_their_smoothed_product_are_the_reference(golden):
    arrays = golden("06_cfm_map/case_b.npz")
    pairs = (("rgb_pred", "rgb_feat"), ("xyz_pred", "xyz_feat"))
    found = [
        unit_distance(*(torch.from_numpy(arrays[name]) for name in pair)).numpy() for pair in pairs
    ]
    known = [arrays[pair[0]].any(axis=1) for pair in pairs]  # one prediction is zero
    for distance, cosine, there in zip(found, ("cosdist2d", "cosdist3d"), known, strict=True):
        assert_allclose(distance[there] ** 2 / 2, arrays[cosine][there], rtol=0, atol=2e-6)
    scores = np.zeros((2, 224, 224), dtype=np.float32)
    scores[:, arrays["foreground"]] = found
    assert_allclose(scores.prod(axis=0), arrays["product"], rtol=0, atol=2e-6)
    joined = smoothed_maps(scores, "product", PUBLISHED_BLUR)[-1]
    assert_allclose(joined, arrays["blurred"], rtol=0, atol=2e-6)
