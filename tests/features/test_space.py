"""The feature space: half-whitened components about the mean, and the constant beside them."""

from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mentor3ad.features.channels import POINT_CHANNELS, RGB_CHANNELS
from mentor3ad.features.space import FeatureSpace
from mentor3ad.params.schema import Whitening

COMPONENTS = 4


def features(channels: int, scale: float = 1.0) -> torch.Tensor:
    """(500, channels) with five strong directions of falling variance about a far mean."""
    generator = torch.Generator().manual_seed(channels)
    strong = torch.randn(500, 5, generator=generator) * torch.tensor([9.0, 5, 3, 2, 1])
    directions = torch.linalg.qr(torch.randn(channels, 5, generator=generator))[0]
    return scale * (strong @ directions.T + 7)


RGB, XYZ = features(RGB_CHANNELS), features(POINT_CHANNELS)


@cache
def fitted(power: float = 0.5, constant: float = 1.0, scale: float = 1.0) -> FeatureSpace:
    space = FeatureSpace(COMPONENTS)
    space.fit(RGB * scale, XYZ * scale, power, constant)
    return space


def components_of(space: FeatureSpace, rgb: torch.Tensor) -> torch.Tensor:
    assert space.rgb is not None
    return rgb @ space.rgb.basis - space.rgb.offset


def test_without_components_features_stay_as_they_are():
    space = FeatureSpace(None)
    space.fit(RGB, XYZ, 0.5, 1.0)
    assert space.channels == (RGB_CHANNELS, POINT_CHANNELS)
    assert (space.rgb, space.xyz) == (None, None)


def test_a_space_has_its_components_and_the_constant():
    assert FeatureSpace(COMPONENTS).channels == (COMPONENTS + 1, COMPONENTS + 1)


def test_standardised_channels_have_mean_0_and_deviation_1():
    space = FeatureSpace(None, standardised=True)
    constant = RGB.clone()
    constant[:, 3] = 7
    space.fit(constant, XYZ, 0.5, 1.0)
    values = components_of(space, constant)
    assert space.channels == (RGB_CHANNELS, POINT_CHANNELS)
    np.testing.assert_allclose(values.mean(dim=0), 0, atol=1e-4)
    others = [i for i in range(RGB_CHANNELS) if i != 3]
    np.testing.assert_allclose(values.std(dim=0)[others], 1, rtol=1e-3)
    assert abs(values[:, 3]).max() < 1e-4


def test_components_are_not_standardised():
    with pytest.raises(ValidationError, match="set components to null"):
        Whitening(components=4, power=0.5, constant=1.0, standardise=True)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_a_components_spread_is_the_features_to_one_minus_the_power(power):
    values = components_of(fitted(power), RGB)[:, :COMPONENTS].double()
    variance = np.linalg.eigvalsh(np.cov(RGB.double().numpy().T))[::-1][:COMPONENTS]
    spread = values.std(dim=0).numpy()
    expected = variance ** ((1 - power) / 2)
    np.testing.assert_allclose(spread / spread[0], expected / expected[0], rtol=1e-4)
    np.testing.assert_allclose(values.mean(dim=0).numpy(), 0, atol=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.5, 2.0])
def test_the_constant_is_a_multiple_of_the_typical_norm(constant):
    values = components_of(fitted(constant=constant), RGB)
    norm = values[:, :COMPONENTS].square().sum(dim=1).mean().sqrt()
    np.testing.assert_allclose(values[:, COMPONENTS].numpy(), constant * norm.item(), rtol=1e-4)


def test_a_small_deviation_near_the_mean_hardly_turns_a_feature():
    """Without the constant two pixels about the mean can be opposite by noise alone."""
    near = components_of(fitted(), RGB.mean(dim=0) + torch.stack([RGB[0] - RGB.mean(0)] * 2) * 0.01)
    near[1, :COMPONENTS] *= -1
    assert torch.cosine_similarity(near[0], near[1], dim=0) > 0.99


@pytest.mark.parametrize("scale", [1e-2, 3.7, 1e2])
def test_the_space_does_not_depend_on_the_features_unit(scale):
    one, other = components_of(fitted(), RGB), components_of(fitted(scale=scale), RGB * scale)
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_the_same_features_give_the_same_signs():
    turned = FeatureSpace(COMPONENTS)
    turned.fit(RGB.flip(0), XYZ.flip(0), 0.5, 1.0)
    torch.testing.assert_close(
        components_of(turned, RGB), components_of(fitted(), RGB), rtol=1e-4, atol=1e-4
    )


def test_params_allow_no_more_components_than_the_fewer_channels(params) -> None:
    whitening = params.model.whitening.model_dump()
    Whitening(**whitening | {"components": min(RGB_CHANNELS, POINT_CHANNELS)})
    with pytest.raises(ValidationError):
        Whitening(**whitening | {"components": min(RGB_CHANNELS, POINT_CHANNELS) + 1})
