"""Regions of a made-up part have the size and the depth that were put into it."""

import numpy as np
import pytest

from mentor3ad.dataset.window import Window
from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.regions import MOST, regions
from mentor3ad.preparation.prepare import PreparedScan

MM = 0.001


def found(marked: list[tuple[slice, slice]], deep_mm: float, window: Window | None = None):
    """A curved part, 1 mm a pixel, whose marked places lie `deep_mm` nearer to the camera."""
    y, x = np.mgrid[:224, :224]
    z = 0.5 + 2e-6 * (x - 112.0) ** 2
    points = np.stack([(x - 111.5) * MM, (y - 111.5) * MM, z], axis=-1)
    part = np.zeros((224, 224), bool)
    part[40:190, 40:190] = True
    anomaly = np.where(part, 0.5, 0).astype(np.float32)
    for n, place in enumerate(marked):
        points[place][..., 2] -= deep_mm * MM
        anomaly[place] = 3 + n
    points[~part] = 0
    scan = PreparedScan(
        np.zeros((3, 224, 224), np.float32),
        points.astype(np.float32),
        window or Window(0, 0, 224),
    )
    return Inspection(3.0, 1.0, anomaly, anomaly[None], scan, {})


@pytest.mark.parametrize("deep", [1.5, -2.0])
def test_a_bump_and_a_dent(deep: float) -> None:
    (region,) = regions(found([(slice(100, 110), slice(90, 110))], deep))
    assert region.pixels == 200
    assert region.area_mm2 == pytest.approx(200, rel=0.02)
    assert region.depth_mm == pytest.approx(deep, rel=0.05)
    assert region.box == (90, 100, 110, 110)
    assert region.centre_px == (100, 105)
    assert region.centre_mm is not None
    assert region.centre_mm[:2] == pytest.approx((-12.0, -7.0), abs=0.01)
    assert (region.peak, region.mean) == (3, 3)


def test_a_stain_has_no_depth() -> None:
    (region,) = regions(found([(slice(100, 110), slice(90, 110))], 0.0))
    assert region.depth_mm == pytest.approx(0, abs=0.01)


def test_the_region_with_the_highest_peak_is_first_and_there_are_not_too_many() -> None:
    places = [(slice(y, y + 3), slice(x, x + 3)) for y in range(45, 185, 20) for x in (50, 90, 130)]
    listed = regions(found(places, 1.0))
    assert len(places) > MOST == len(listed)
    assert [one.peak for one in listed] == sorted((one.peak for one in listed), reverse=True)


def test_a_region_without_points_around_it_has_no_depth_and_no_area() -> None:
    inspection = found([(slice(100, 110), slice(90, 110))], 0.0)
    points = inspection.scan.points
    points[:] = 0
    points[100, 90] = (0.01, 0.01, 0.5)
    (region,) = regions(inspection)
    assert region.area_mm2 is None
    assert region.depth_mm is None


def test_places_are_in_the_raw_picture() -> None:
    window = Window(10, 20, 448)
    (region,) = regions(found([(slice(100, 110), slice(90, 110))], 1.0, window))
    assert region.box == (window.left + 180, window.top + 200, window.left + 220, window.top + 220)
