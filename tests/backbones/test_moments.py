"""BatchNorm folded into a layer, against the layer's outputs normalised one by one.

Stops: unbiased variances, statistics of all scans together, a covariance left out.
"""

import pytest
import torch
from torch import Tensor, nn

from mentor3ad.backbones.moments import batch_norm, grouped_moments, linear_moments

SCANS, GROUPS, POINTS, INPUTS, OUTPUTS = 3, 5, 7, 4, 6


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def points() -> Tensor:
    """(B, G, K, D) whose scans and groups differ in place and size, about a far mean."""
    scale = torch.tensor([0.1, 1.0, 5.0])[:, None, None, None]
    centres = torch.randn(SCANS, GROUPS, 1, INPUTS)
    return (torch.randn(SCANS, GROUPS, POINTS, INPUTS) + centres) * scale + 3


def assert_moments_of(y: Tensor, moments: tuple[Tensor, Tensor]) -> None:
    """Of y (B, G, K, C) float64, over each scan's points."""
    rows = y.flatten(1, 2)
    torch.testing.assert_close(moments[0], rows.mean(dim=1), rtol=1e-6, atol=1e-6)
    variance = rows.var(dim=1, correction=0)
    torch.testing.assert_close(moments[1], variance, rtol=1e-5, atol=1e-6)


def test_moments_of_a_linear_layer_are_those_of_its_outputs() -> None:
    x, matrix, bias = points(), torch.randn(OUTPUTS, INPUTS), torch.randn(OUTPUTS)
    y = x.double() @ matrix.double().T + bias
    assert_moments_of(y, linear_moments(x.flatten(1, 2), matrix, bias))


def test_moments_of_points_and_their_group_are_those_of_the_sum() -> None:
    """What is added to a group goes with its points, so that the covariance counts."""
    x, matrix = points(), torch.randn(OUTPUTS, INPUTS)
    means = x.mean(dim=2)
    of_group = 2 * means @ torch.randn(INPUTS, OUTPUTS) - 1
    rows = x.flatten(1, 2).double()
    squares = rows.mT @ rows / rows.shape[1]
    y = x.double() @ matrix.double().T + of_group[:, :, None].double()
    assert_moments_of(y, grouped_moments(means, squares, matrix, of_group))


@pytest.mark.parametrize("own", [False, True])
def test_scale_and_shift_are_the_norm(own: bool) -> None:
    norm, x = nn.BatchNorm1d(OUTPUTS), torch.randn(SCANS, 20, OUTPUTS) * 3 + 1
    for values in (norm.weight, norm.bias):
        nn.init.normal_(values)
    norm(x.flatten(0, 1))  # running statistics that are neither 0 nor 1
    moments = (x.double().mean(dim=1), x.double().var(dim=1, correction=0)) if own else None
    with torch.no_grad():
        scale, shift = batch_norm(norm, moments)
        expected = torch.stack([norm.train(own)(scan) for scan in x])
        found = x * scale[:, None] + shift[:, None]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
