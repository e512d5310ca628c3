"""OpenCV's lens model: forwards by its formula, backwards to the same place, and never folded."""

import numpy as np
import pytest

from mentor3ad.readers.formats.distortion import distort, undistort

LENSES = [
    (0.0, 0.0, 0.0, 0.0, 0.0),
    (-0.28, 0.07, 1e-3, -5e-4, 0.0),  # a wide barrel
    (0.15, -0.48, -1e-4, 2e-4, 0.44),  # RealSense's colour cameras are like this
    (0.09, -0.27, 1e-4, -2e-4, 0.11),
]
X, Y = np.meshgrid(np.linspace(-0.5, 0.5, 21), np.linspace(-0.4, 0.4, 17))


@pytest.mark.parametrize("lens", LENSES)
def test_the_documented_formula(lens: tuple[float, ...]) -> None:
    k1, k2, p1, p2, k3 = lens
    shown = distort(X, Y, lens)
    for i in np.ndindex(X.shape):
        x, y = float(X[i]), float(Y[i])
        r2 = x**2 + y**2
        radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
        at = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
        np.testing.assert_allclose(shown[0][i], at, atol=1e-14)
        at = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
        np.testing.assert_allclose(shown[1][i], at, atol=1e-14)


@pytest.mark.parametrize("lens", LENSES)
def test_there_and_back(lens: tuple[float, ...]) -> None:
    back = undistort(*distort(X, Y, lens), lens)
    np.testing.assert_allclose(back, (X, Y), atol=1e-6)


def test_a_lens_that_folds_shows_nothing_from_beyond() -> None:
    """r (1 - r^2) grows up to r = 0.577: farther out the same places would be shown again."""
    lens = (-1.0, 0.0, 0.0, 0.0, 0.0)
    x = np.array([0.0, 0.57, 0.58, 0.9, 5.0])
    shown, _ = distort(x, np.zeros(5), lens)
    assert np.isnan(shown).tolist() == [False, False, True, True, True]


def test_a_place_that_no_direction_is_shown_at() -> None:
    lens = (-1.0, 0.0, 0.0, 0.0, 0.0)  # shows nothing farther than 0.385
    found, _ = undistort(np.array([0.3, 0.39, 1e300]), np.zeros(3), lens)
    assert np.isnan(found).tolist() == [False, True, True]
