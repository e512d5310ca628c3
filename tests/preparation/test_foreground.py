"""The part against the published preparation's result (golden 10), and what it must withstand."""

import numpy as np
import pytest

from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.foreground import extract_foreground
from tests.options import preparation
from tests.paths import ROOT
from tests.raw_scans import disc_mask, disc_points, table_points

GOLDEN = ROOT / "tests/golden" / "10_plane_removal"
OPTIONS = preparation()


def golden_scan(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point map, foreground and plane of the reference; its map is padded, so crop it back."""
    with np.load(GOLDEN / f"{name}.npz") as golden:
        height, width = golden["scan"].shape
        x = np.broadcast_to(golden["x_row"], (height, width))
        y = np.broadcast_to(golden["y_col"][:, None], (height, width))
        points = np.stack([x, y, golden["scan"]], axis=-1)
        points[~golden["valid"]] = 0
        padded = golden["foreground_all_seeds"]
        top, left = (padded.shape[0] - height) // 2, (padded.shape[1] - width) // 2
        expected = padded[top : top + height, left : left + width]
        return points, expected, golden["ransac_planes"][0]


@pytest.mark.parametrize("name", ["square400", "rect350x280"])
def test_foreground_is_the_reference(name: str) -> None:
    points, expected, _ = golden_scan(name)
    mask = extract_foreground(points, OPTIONS).mask
    assert (mask & expected).sum() / (mask | expected).sum() >= 0.999


@pytest.mark.parametrize("name", ["square400", "rect350x280"])
def test_reference_agrees_with_itself(name: str) -> None:
    """Its sampler's eight seeds all gave one foreground, so one comparison is enough."""
    with np.load(GOLDEN / f"{name}.npz") as golden:
        np.testing.assert_array_equal(golden["foreground_any_seed"], golden["foreground_all_seeds"])


@pytest.mark.parametrize("name", ["square400", "rect350x280"])
def test_plane_is_the_reference_up_to_sign(name: str) -> None:
    points, _, expected = golden_scan(name)
    plane = extract_foreground(points, OPTIONS).plane
    np.testing.assert_allclose(-plane, expected, atol=3e-5)


def test_disc_is_found_whole() -> None:
    points = disc_points()
    mask = extract_foreground(points, OPTIONS).mask
    np.testing.assert_array_equal(mask, disc_mask(100, 100, 30) & points.all(axis=-1))


def test_without_plane_removal_the_table_stays() -> None:
    found = extract_foreground(disc_points(), preparation(plane_removal=False))
    assert found.plane is None
    assert found.mask[0, 1]


def test_without_a_table_only_components_count() -> None:
    points = disc_points()
    points[~disc_mask(100, 100, 30)] = 0
    found = extract_foreground(points, OPTIONS)
    assert found.plane is None
    np.testing.assert_array_equal(found.mask, points.all(axis=-1))


def test_smaller_part_and_stray_returns_are_dropped() -> None:
    points = disc_points()
    expected = extract_foreground(points, OPTIONS).mask
    points[2:10, 2:10, 2] -= 0.02
    points[np.arange(5, 95, 9), 95, 2] -= 0.1
    np.testing.assert_array_equal(extract_foreground(points, OPTIONS).mask, expected)


def test_depth_jump_separates() -> None:
    """Neighbouring pixels 30 mm apart in depth are not neighbours in space."""
    points = disc_points()
    step = np.zeros((100, 100), dtype=bool)
    step[:, :40] = disc_mask(100, 100, 30)[:, :40]
    points[step, 2] -= 0.03
    mask = extract_foreground(points, OPTIONS).mask
    assert not mask[step].any()
    assert mask[50, 50]


def test_foreground_has_three_non_zero_coordinates() -> None:
    points = disc_points()
    points[50, 51, 0] = 0
    mask = extract_foreground(points, OPTIONS).mask
    assert not mask[50, 51]
    assert mask[50, 52]


def test_input_is_left_alone() -> None:
    points = disc_points()
    before = points.copy()
    extract_foreground(points, OPTIONS)
    np.testing.assert_array_equal(points, before)


def test_no_return_at_all() -> None:
    with pytest.raises(DataError, match="test/cut/003 has no return at all"):
        extract_foreground(np.zeros((50, 50, 3), np.float32), OPTIONS, "test/cut/003")


def test_bare_table() -> None:
    with pytest.raises(DataError, match=r"x/1 has no foreground: all its points lie within 0\.005"):
        extract_foreground(table_points(), OPTIONS, "x/1")


def test_points_too_sparse_to_cluster() -> None:
    with pytest.raises(
        DataError, match=r"x/1 has no foreground: none of its .* in front of the table"
    ):
        extract_foreground(disc_points() * np.float32(5), OPTIONS, "x/1")


def test_the_shipped_params_are_the_published_limits() -> None:
    assert load_params(ROOT / "params.yaml").data.preparation == preparation()
