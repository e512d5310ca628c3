"""What the report says of an alarm: where, how large, and by which map."""

import numpy as np
import pytest

from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.window import Window
from mentor3ad.drawing.alarm import MOST_REGIONS, alarm_of, predicted
from mentor3ad.evaluation.views import Alarm

PITCH = 0.0005  # metres between pixels
WHOLE = Window(0, 0, 448)  # two pixels of the raw scan in one of the grid


def plate() -> np.ndarray:
    """(224, 224, 3) float32 metres: a flat part of 160 x 160 pixels on nothing."""
    y, x = np.mgrid[:SIZE, :SIZE] * PITCH
    points = np.stack([x + 1e-6, y + 1e-6, np.full_like(x, 0.5)], -1).astype(np.float32)
    part = np.zeros((SIZE, SIZE, 1), bool)
    part[32:192, 32:192] = True
    return np.where(part, points, np.float32(0))


def total(maps: np.ndarray) -> np.ndarray:
    """A vote: the first map counts twice."""
    return np.asarray(2 * maps[0] + maps[1] + maps[2], dtype=np.float32)


def alarm(maps: np.ndarray, threshold: float = 4.5, window: Window = WHOLE) -> Alarm:
    return alarm_of(maps, total(maps), plate(), window, total, threshold)


def flat() -> np.ndarray:
    """(3, 224, 224) float32: 1 on the part, so that the vote is 4."""
    return np.repeat(plate().all(axis=-1)[None], 3, axis=0).astype(np.float32)


def test_regions_have_place_size_and_scores() -> None:
    maps = flat()
    maps[1, 100:104, 60:80] += 3  # 4 x 20 pixels of half a millimetre
    maps[1, 101, 70] += 1
    maps[2, 150:152, 150:152] += 2
    found = alarm(maps)
    assert found.n_regions == 2
    first, second = found.regions
    assert (first.column, first.row) == (140, 204)
    assert (first.length_mm, first.width_mm) == pytest.approx((10.0, 2.0), rel=1e-3)
    assert (first.mean, first.highest) == pytest.approx((7 + 1 / 80, 8.0))
    assert (second.length_mm, second.width_mm) == pytest.approx((1.0, 1.0), rel=1e-3)
    assert (found.column, found.row) == (141, 203)


def test_a_map_has_the_share_that_the_vote_would_lose_without_its_peak() -> None:
    maps = flat()
    maps[0, 100, 100] += 1  # counts twice
    maps[2, 100, 100] += 6
    assert alarm(maps).shares == pytest.approx({"rgb": 0.25, "xyz": 0.0, "mtr": 0.75})


def test_a_vote_without_a_peak_has_no_shares() -> None:
    found = alarm(flat())
    assert (found.shares, found.regions, found.n_regions) == ({}, (), 0)


def test_a_region_is_placed_in_the_raw_scan_of_a_crop() -> None:
    maps = flat()
    maps[1, 100, 60] += 3
    region = alarm(maps, window=Window(50, 10, 112)).regions[0]
    assert (region.column, region.row) == (40, 100)


def test_pixels_off_the_part_raise_no_alarm() -> None:
    maps = flat()
    maps[1, 10, 10] += 99
    found = alarm(maps)
    assert found.n_regions == 0
    assert not predicted(total(maps), plate().all(axis=-1), 4.5).any()


def test_pixels_that_touch_at_a_corner_are_one_region() -> None:
    maps = flat()
    maps[1, [100, 101], [100, 101]] += 3
    assert alarm(maps).n_regions == 1


def test_the_highest_regions_are_kept_and_all_are_counted() -> None:
    maps = flat()
    for n in range(MOST_REGIONS + 3):
        maps[1, 40 + 5 * n, 40] += 1 + n
    found = alarm(maps)
    assert found.n_regions == MOST_REGIONS + 3
    assert [r.highest for r in found.regions] == [5 + n for n in reversed(range(3, 11))]
