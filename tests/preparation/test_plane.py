"""The table's plane: found exactly, in spite of what else the border shows, or not at all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mentor3ad.dataset.grid import border_band
from mentor3ad.preparation.plane import fit_table
from tests.raw_scans import disc_points, table_points

TILT = 0.1
NORMAL = np.array([TILT, 0, -1]) / np.hypot(TILT, 1)


def test_plane_of_a_tilted_table() -> None:
    plane = fit_table(disc_points(), border_px=10, inlier_m=0.004)
    assert plane is not None
    assert_allclose(plane.normal, NORMAL, atol=1e-6)
    assert plane.offset == pytest.approx(0.45 / np.hypot(TILT, 1), abs=1e-6)


def test_height_is_positive_towards_the_camera() -> None:
    points = disc_points(rise=0.02)
    plane = fit_table(points, border_px=10, inlier_m=0.004)
    assert plane is not None
    assert plane.height(points)[50, 51] == pytest.approx(0.02 / np.hypot(TILT, 1), abs=1e-5)


def test_outliers_in_the_border_do_not_tilt_it() -> None:
    points = disc_points()
    points[:, :8, 2] -= np.random.default_rng(0).uniform(0.01, 0.1, (100, 8)).astype(np.float32)
    plane = fit_table(points, border_px=10, inlier_m=0.004)
    assert plane is not None
    assert_allclose(plane.normal, NORMAL, atol=1e-5)


def test_same_points_same_plane() -> None:
    points = disc_points()
    first, second = (fit_table(points, 10, 0.004) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.normal, second.normal)
    assert first.offset == second.offset


def test_border_without_a_plane() -> None:
    points = table_points()
    points[..., 2] += np.random.default_rng(0).uniform(0, 0.2, (100, 100)).astype(np.float32)
    assert fit_table(points, border_px=10, inlier_m=0.004) is None


@pytest.mark.parametrize("n", [0, 2, 3])
def test_border_with_hardly_a_return(n: int) -> None:
    points = np.zeros((40, 40, 3), np.float32)
    points[0, :n] = table_points(40, 40)[0, :n]
    points[20, 20] = (0.1, 0.1, 0.4)
    assert fit_table(points, border_px=10, inlier_m=0.004) is None


def test_part_that_crosses_the_border_is_no_table() -> None:
    """A data set whose tables were removed before, and a part that runs through the image."""
    points = table_points(100, 100)
    points[:, :44] = 0
    points[:, 56:] = 0
    assert fit_table(points, border_px=10, inlier_m=0.004) is None


def test_flat_part_along_a_whole_side_of_nothing_is_no_table() -> None:
    points = table_points(100, 100)
    points[:, 45:] = 0
    assert fit_table(points, border_px=10, inlier_m=0.004) is None


def test_table_thinned_by_dropouts_is_a_table() -> None:
    """Nine of ten pixels are void, as in the test above, but nowhere all of them."""
    points = table_points(100, 100)
    points[np.random.default_rng(0).random((100, 100)) < 0.9] = 0
    plane = fit_table(points, border_px=10, inlier_m=0.004)
    assert plane is not None
    assert_allclose(plane.normal, NORMAL, atol=1e-6)


def test_table_that_shows_on_less_than_half_of_the_border() -> None:
    """A rough part fills one whole side and 65 of 100 columns."""
    points = table_points(100, 100)
    rough = np.random.default_rng(0).uniform(0.01, 0.2, (100, 65)).astype(np.float32)
    points[:, :65, 2] -= rough
    plane = fit_table(points, border_px=10, inlier_m=0.004)
    assert plane is not None
    assert_allclose(plane.normal, NORMAL, atol=1e-4)


def test_plane_behind_another() -> None:
    points = table_points(100, 100)
    points[:, :55, 2] -= 0.03
    front = fit_table(points, border_px=10, inlier_m=0.004)
    assert front is not None
    table = fit_table(points, border_px=10, inlier_m=0.004, behind=front)
    assert table is not None
    assert table.offset - front.offset == pytest.approx(0.03 / np.hypot(TILT, 1), abs=1e-6)


@pytest.mark.parametrize("turn", range(4))
def test_plane_does_not_depend_on_how_the_map_is_turned(turn: int) -> None:
    """Nor on the last digit: sampling and sums run over sorted points."""
    points = disc_points(90, 100)
    points[..., 2] += np.random.default_rng(0).normal(0, 0.001, (90, 100)).astype(np.float32)
    plane, turned = (fit_table(np.rot90(p, turn), 10, 0.004) for p in (points, points[::-1]))
    assert plane is not None
    assert turned is not None
    np.testing.assert_array_equal(turned.normal, plane.normal)
    assert turned.offset == plane.offset


def test_map_that_is_all_border() -> None:
    assert border_band(table_points(12, 15), width=10).all()
