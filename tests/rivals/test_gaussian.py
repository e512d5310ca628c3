"""The Gaussian against the Mahalanobis distance with the inverse of the covariance."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from mentor3ad.dataset.grid import PATCHES, SIZE
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import ScanFeatures
from mentor3ad.params.schema import Params
from mentor3ad.rivals.gaussian import fit_gaussian
from mentor3ad.rivals.nearest import fit_nearest
from mentor3ad.rivals.scans import Scans, fit_space

GROUPS = 400
CHANNELS = 768, 1152
RANK = 24  # directions that the made-up features vary in


def made_up(seed: int) -> ScanFeatures:
    """Correlated features of a square part, each pixel with one group of its own."""
    rng = np.random.default_rng(seed)
    mix = [np.random.default_rng(c).normal(size=(RANK, c)) * 0.1 for c in CHANNELS]
    foreground = np.zeros((SIZE, SIZE), bool)
    foreground[40:60, 50:70] = True
    index = np.zeros((SIZE, SIZE, 3), np.uint16)
    weight = np.zeros((SIZE, SIZE, 3), np.float16)
    index[foreground, 0] = np.arange(GROUPS)
    weight[foreground, 0] = 1
    rgb = rng.normal(size=(PATCHES * PATCHES, RANK)) @ mix[0] + 1
    tokens = rng.normal(size=(GROUPS, RANK)) @ mix[1] - 2
    return ScanFeatures(
        rgb.reshape(PATCHES, PATCHES, -1).astype(np.float16),
        foreground,
        False,
        tokens=tokens.astype(np.float16),
        index=index,
        weight=weight,
    )


def scans(*seeds: int) -> Scans:
    features = PixelFeatures([made_up(seed) for seed in seeds], torch.device("cpu"))
    return Scans(features, lambda number: np.zeros((SIZE, SIZE, 3), np.float32))


@pytest.fixture(scope="module")
def options(params: Params) -> Params:
    rivals = params.rivals
    gaussian = rivals.gaussian.model_copy(update={"components": RANK})
    nearest = rivals.nearest.model_copy(update={"components": None})
    update = {"gaussian": gaussian, "nearest": nearest, "seed": 3}
    return params.model_copy(update={"rivals": rivals.model_copy(update=update)})


def test_scores_are_the_mahalanobis_distances(options: Params) -> None:
    """Of tokens that vary in 24 directions, the pseudo-inverse of the covariance is the inverse."""
    good, new = scans(*range(8)), scans(9)
    found = fit_gaussian(good, options, "rope").scores(new, 0)
    everything = np.concatenate([made_up(seed).tokens for seed in range(8)]).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(everything.T))
    inverse = (vectors[:, -RANK:] / values[-RANK:]) @ vectors[:, -RANK:].T
    centred = np.asarray(made_up(9).tokens, np.float64) - everything.mean(axis=0)
    expected = np.sqrt(np.einsum("nc,cd,nd->n", centred, inverse, centred))
    np.testing.assert_allclose(found[1], expected, rtol=0.05)  # of 8,192 pixels drawn from 3,200
    assert np.corrcoef(found[1], expected)[0, 1] > 0.995


def test_nearest_in_all_channels_is_the_distance_to_a_good_pixel(options: Params) -> None:
    good, new = scans(0, 1), scans(9)
    rivals = options.rivals
    update = {"cell": 1, "share": 1.0, "candidates": 10**6}
    coreset = rivals.coreset.model_copy(update=update)
    whole = options.model_copy(update={"rivals": rivals.model_copy(update={"coreset": coreset})})
    found = fit_nearest(good, whole, "rope").scores(new, 0)
    memory = np.concatenate([made_up(seed).tokens for seed in (0, 1)]).astype(np.float64)
    tokens = np.asarray(made_up(9).tokens, np.float64)
    expected = cdist(tokens, memory).min(axis=1)
    np.testing.assert_allclose(found[1], expected, rtol=1e-4)


def test_spaces_of_another_power_are_those_of_a_fit_of_their_own() -> None:
    good = scans(0, 1)
    derived = fit_space(good, RANK, 0.5, np.random.default_rng(0))
    where = good.random_pixels(8192, np.random.default_rng(0))
    rgb, xyz = good.rows(*where)
    fitted = type(derived)(RANK)
    fitted.fit(rgb, xyz, 0.5, 0.0)
    for name in ("rgb", "xyz"):
        one, two = (getattr(space, name).basis[:, :RANK] for space in (derived, fitted))
        ratio = one / two
        np.testing.assert_allclose(ratio / ratio.mean(), 1, rtol=1e-3)


def test_a_fit_is_shared_by_spaces_of_the_same_components() -> None:
    good = scans(0)
    first = fit_space(good, RANK, 1.0, np.random.default_rng(0))
    again = fit_space(good, RANK, 1.0, np.random.default_rng(1))
    assert first.rgb is not None
    assert again.rgb is not None
    assert torch.equal(first.rgb.basis, again.rgb.basis)
    assert list(good.white) == [RANK]
