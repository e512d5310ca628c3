"""Scenes that the plain rule (dominant plane of the border, largest cluster) gets wrong."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mentor3ad.params.schema import Preparation
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.foreground import extract_foreground
from tests.options import preparation
from tests.raw_scans import disc_mask, disc_points, table_points

OPTIONS = preparation()
Mask = NDArray[np.bool_]


def raised(where: Mask, height: float | NDArray[np.float64] = 0.02) -> NDArray[np.float32]:
    """A table of 100 x 100 mm; `where` is nearer to the camera by `height`, metres."""
    points = table_points(*where.shape)
    points[where, 2] -= height
    return points


def columns(start: int, stop: int) -> Mask:
    mask = np.zeros((100, 100), dtype=bool)
    mask[:, start:stop] = True
    return mask


def part(points: NDArray[np.float32], options: Preparation = OPTIONS) -> Mask:
    return extract_foreground(points, options).mask


# The part touches the border


def test_part_that_runs_out_of_the_image() -> None:
    where = disc_mask(100, 160, 40)[:, 60:]
    np.testing.assert_array_equal(part(raised(where)), where)


@pytest.mark.parametrize("width", [30, 48, 55, 60])
def test_flat_part_along_a_whole_side(width: int) -> None:
    """From a third to over half of the border: then the part's face is the dominant plane."""
    where = columns(0, width)
    np.testing.assert_array_equal(part(raised(where)), where)


def test_rough_part_along_a_whole_side() -> None:
    where = columns(0, 62)
    y, x = np.mgrid[:100, :62]
    relief = 0.03 + 0.015 * np.sin(x / 6) * np.cos(y / 6)
    np.testing.assert_array_equal(part(raised(where, relief[where[:, :62]])), where)


# No table


@pytest.mark.parametrize("width", [15, 45])
def test_flat_part_along_a_side_where_the_table_was_removed_before(width: int) -> None:
    points = table_points()
    points[:, width:] = 0
    found = extract_foreground(points, OPTIONS)
    assert found.plane is None
    np.testing.assert_array_equal(found.mask, columns(0, width))


def test_part_that_hangs_before_a_wall() -> None:
    where = disc_mask(100, 100, 30)
    where[:50, 47:53] = True  # its hook leaves the image
    np.testing.assert_array_equal(part(raised(where, 0.3)), where)


def test_preparing_a_prepared_scan_changes_nothing() -> None:
    points = disc_points()
    mask = part(points)
    np.testing.assert_array_equal(part(np.where(mask[..., None], points, np.float32(0))), mask)


# Dropouts split the part


def split_disc() -> tuple[NDArray[np.float32], Mask]:
    """A disc cut in three by stripes without a return, 10 mm wide."""
    where, points = disc_mask(100, 100, 40), raised(disc_mask(100, 100, 40))
    void = columns(32, 42) | columns(58, 68)
    points[void] = 0
    return points, where & ~void


def test_all_large_pieces_are_the_part() -> None:
    points, expected = split_disc()
    np.testing.assert_array_equal(part(points), expected)


def test_the_published_rule_is_a_gap_of_zero() -> None:
    points, expected = split_disc()
    mask = part(points, preparation(piece_gap_m=0.0))
    np.testing.assert_array_equal(mask, expected & columns(42, 58))


def test_step_that_casts_a_shadow_does_not_end_the_part() -> None:
    where = disc_mask(100, 100, 40)
    points = raised(where)
    points[where & columns(50, 100), 2] -= 0.01
    points[columns(50, 56)] = 0
    np.testing.assert_array_equal(part(points), where & ~columns(50, 56))


def test_another_part_further_off_is_not_a_piece() -> None:
    large, other = disc_mask(100, 140, 30)[:, 40:], np.zeros((100, 100), dtype=bool)
    other[20:80, 82:] = True
    assert other.sum() > OPTIONS.piece_share * large.sum()
    np.testing.assert_array_equal(part(raised(large | other)), large)


# Stray returns


def test_more_stray_returns_than_part() -> None:
    where, rng = disc_mask(100, 100, 14), np.random.default_rng(0)
    points = raised(where)
    stray = (rng.random((100, 100)) < 0.3) & ~disc_mask(100, 100, 20)
    points[stray, 2] -= rng.uniform(0.05, 0.4, int(stray.sum())).astype(np.float32)
    assert stray.sum() > 2 * where.sum()
    np.testing.assert_array_equal(part(points), where)


def test_clump_beside_the_part_is_dropped() -> None:
    where, clump = disc_mask(100, 100, 30), np.zeros((100, 100), dtype=bool)
    clump[45:55, 88:98] = True
    np.testing.assert_array_equal(part(raised(where | clump)), where)


@pytest.mark.parametrize("far", [1e7, 1e30])
def test_coordinate_out_of_all_proportion(far: float) -> None:
    points = disc_points()
    points[3, 3] = far
    with pytest.raises(DataError, match=r"x/1 has a coordinate of 1e\+\d+ m, too far for data.for"):
        extract_foreground(points, OPTIONS, "x/1")


# Two planes


@pytest.mark.parametrize("width", [25, 40])
def test_floor_past_the_tables_edge_is_not_the_part(width: int) -> None:
    where = disc_mask(100, 100, 15)
    where = np.roll(where, 15, axis=1)
    points = raised(where)
    points[:, :width, 2] += 0.1
    np.testing.assert_array_equal(part(points), where)


def test_part_in_a_recess_of_the_table() -> None:
    """It lies behind the table's plane too, but does not reach the border."""
    where = disc_mask(100, 100, 30)
    np.testing.assert_array_equal(part(raised(where, -0.03)), where)


def test_scan_of_bare_table_and_floor() -> None:
    points = raised(columns(0, 20), -0.1)
    with pytest.raises(DataError, match=r"or behind it; lower data\.foreground"):
        extract_foreground(points, OPTIONS)


# Tilt and scale


@pytest.mark.parametrize("tilt", [-0.9, 0.0, 0.9])
def test_part_on_a_tilted_table(tilt: float) -> None:
    where, points = disc_mask(100, 100, 30), table_points(tilt=tilt)
    normal = np.array([tilt, 0, -1]) / np.hypot(tilt, 1)
    points[where] += (0.012 * normal).astype(np.float32)
    np.testing.assert_array_equal(part(points), where)


def at_scale(pitch: float, radius: float, rise: float) -> tuple[NDArray[np.float32], Mask]:
    """A disc of that radius (pixels) at that pitch; everything else in proportion."""
    where = disc_mask(140, 140, radius)
    points = table_points(140, 140) * np.float32(pitch / 0.001)
    points[where, 2] -= np.float32(rise)
    return points, where


def test_part_of_five_millimetres() -> None:
    points, where = at_scale(0.00005, 50, rise=0.001)
    with pytest.raises(DataError, match=r"lower data\.foreground\.removal_m"):
        part(points)
    finer = preparation(inlier_m=0.0002, removal_m=0.0003, cluster_eps_m=0.0003)
    np.testing.assert_array_equal(part(points, finer), where)


def test_part_of_a_third_of_a_metre_at_a_pitch_of_three_millimetres() -> None:
    points, where = at_scale(0.003, 55, rise=0.05)
    with pytest.raises(DataError, match=r"raise data\.foreground\.cluster_eps_m"):
        part(points)
    np.testing.assert_array_equal(part(points, preparation(cluster_eps_m=0.015)), where)
