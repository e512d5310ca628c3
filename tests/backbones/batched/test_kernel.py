"""The published kernel is believed where it is right, and only there."""

import sys

import numpy as np
import pytest
import torch

from mentor3ad.backbones.batched import kernel
from mentor3ad.backbones.batched.fps import furthest_points
from tests.batches import padded


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return padded([rng.normal(size=(n, 3)).astype(np.float32) for n in (700, 90)], "cpu")


@pytest.fixture
def plain(monkeypatch):
    """Counts how often the plain loop is gone through."""
    calls = []

    def counted(*args):
        calls.append(args)
        return furthest_points(*args)

    monkeypatch.setattr(kernel, "furthest_points", counted)
    return calls


def test_a_right_kernel_is_used(batch, plain):
    points, counts = batch
    expected = furthest_points(points, counts, 40)
    found = kernel.checked(lambda *_: expected.int(), points, counts, 40)
    assert torch.equal(found, expected)
    assert not plain


@pytest.mark.parametrize("wrong", [3, -1, 10**6])
def test_a_wrong_centre_is_not(batch, plain, wrong):
    points, counts = batch
    expected = furthest_points(points, counts, 40)
    other = expected.int()
    other[1, 39] = wrong
    assert torch.equal(kernel.checked(lambda *_: other, points, counts, 40), expected)
    assert len(plain) == 1


def test_without_the_library_there_is_no_kernel(monkeypatch):
    monkeypatch.setitem(sys.modules, "pointnet2_ops.pointnet2_utils", None)
    kernel.published_kernel.cache_clear()
    assert kernel.published_kernel() is None
    kernel.published_kernel.cache_clear()
