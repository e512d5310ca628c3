"""Random weights: seeded, independent of the other layers, and about their own group."""

import pytest
import torch
from torch import nn

from mentor3ad.backbones.random_weights import random_weights
from mentor3ad.weights.load import load_point_backbone


def test_a_layers_weights_do_not_depend_on_the_other_layers():
    short, long = (nn.Sequential(*(nn.Linear(4, 4) for _ in range(n))) for n in (1, 3))
    random_weights(short, seed=0, residual=1.0)
    random_weights(long, seed=0, residual=1.0)
    assert torch.equal(short[0].weight, long[0].weight)
    assert not torch.equal(long[1].weight, long[2].weight)


@pytest.mark.parametrize(
    ("name", "scale"), [("attn.proj", 0.3), ("mlp.fc2", 0.3), ("mlp.fc1", 1.0), ("attn.qkv", 1.0)]
)
def test_only_what_ends_a_residual_branch_is_scaled(name: str, scale: float):
    parent, _, last = name.partition(".")
    network = nn.ModuleDict({parent: nn.ModuleDict({last: nn.Linear(400, 300)})})
    random_weights(network, seed=0, residual=0.3)
    weight = network.state_dict()[f"{name}.weight"]
    assert weight.std().item() == pytest.approx(scale / 400**0.5, rel=0.02)


def test_tokens_neither_die_nor_saturate():
    model = load_point_backbone("random", seed=0)
    generator = torch.Generator().manual_seed(0)
    neighbourhoods = torch.randn(1, 32, 16, 3, generator=generator) / 10
    tokens = model(neighbourhoods, torch.randn(1, 32, 3, generator=generator))
    assert 0.5 < tokens.std() < 2
    assert tokens.std(dim=1).mean() > 0.1  # groups differ


def test_a_token_is_about_its_shape_more_than_about_its_place():
    """At full scale the position, added before each of twelve blocks, drowns the shape."""
    model = load_point_backbone("random", seed=0)
    generator = torch.Generator().manual_seed(0)
    shape, other = (torch.randn(1, 64, 16, 3, generator=generator) / 10 for _ in range(2))
    place, elsewhere = (torch.randn(1, 64, 3, generator=generator) / 2 for _ in range(2))
    here = model(shape, place, True)
    by_place = (model(shape, elsewhere, True) - here).square().mean()
    by_shape = (model(other, place, True) - here).square().mean()
    assert by_place < by_shape
