"""The traits of made-up parts whose size, place and light are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentor3ad.dataset.traits import TRAITS
from mentor3ad.preparation.resize import resize_rgb
from mentor3ad.preparation.traits import scan_traits

MM = 0.001


def plate(rows: slice = slice(60, 160), columns: slice = slice(40, 180)) -> np.ndarray:
    """(224, 224, 3) points: a flat plate, 1 mm a pixel, 0.5 m away."""
    y, x = np.mgrid[:224, :224]
    whole = np.stack([(x - 111.5) * MM, (y - 111.5) * MM, np.full((224, 224), 0.5)], axis=-1)
    points = np.zeros((224, 224, 3), np.float32)
    points[rows, columns] = whole[rows, columns]
    return points


def grey(level: int) -> np.ndarray:
    return resize_rgb(np.full((224, 224, 3), level, np.uint8))


def traits(points: np.ndarray, rgb: np.ndarray | None = None) -> dict[str, float]:
    values = scan_traits(grey(99) if rgb is None else rgb, points)
    return dict(zip(TRAITS, values.tolist(), strict=True))


def test_a_plate() -> None:
    found = traits(plate())
    assert found["pixels"] == pytest.approx(np.log2(100 * 140))
    assert 2 ** found["length"] == pytest.approx(140 * MM / 12**0.5, rel=1e-3)
    assert 2 ** found["width"] == pytest.approx(100 * MM / 12**0.5, rel=1e-3)
    assert 2 ** found["height"] < 2e-6
    assert (found["x"], found["y"]) == pytest.approx((-2.0 * MM, -2.0 * MM))
    assert found["z"] == pytest.approx(0.5)
    assert (found["lean_x"], found["lean_y"]) == pytest.approx((0, 0), abs=1e-6)
    assert found["turn"] == pytest.approx((140**2 - 100**2) / (140**2 + 100**2), rel=1e-3)
    assert found["skew"] == pytest.approx(0, abs=1e-9)
    assert (found["missing"], found["border"]) == (0, 0)


def test_light() -> None:
    found = traits(plate(), grey(127))
    assert found["brightness"] == pytest.approx(7.0)
    assert found["red"] == found["blue"] == pytest.approx(1 / 3)
    assert (found["overexposed"], found["black"]) == (0, 0)
    assert traits(plate(), grey(255))["overexposed"] == 1
    assert traits(plate(), grey(3))["black"] == 1


def test_a_hole_is_missing_and_a_notch_is_not() -> None:
    holed, notched = plate(), plate()
    holed[100:110, 100:120] = 0
    notched[60:70, 100:120] = 0
    assert traits(holed)["missing"] == pytest.approx(200 / (100 * 140))
    assert traits(notched)["missing"] == 0


def test_a_part_at_the_border_of_the_picture() -> None:
    found = traits(plate(columns=slice(100, 224)))
    assert found["border"] == pytest.approx(100 / (100 * 124))


def test_a_tilt_leans_the_normal() -> None:
    points = plate()
    part = points.any(axis=-1)
    angle = np.deg2rad(20)
    y = points[..., 1].copy()
    points[part, 1] = y[part] * np.cos(angle)
    points[part, 2] = 0.5 + y[part] * np.sin(angle)
    found = traits(points)
    assert abs(found["lean_y"]) == pytest.approx(np.sin(angle), rel=1e-3)
    assert found["lean_x"] == pytest.approx(0, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 60),
    size=st.sampled_from([1e-6, 1e-3, 1.0, 10.0]),
)
def test_they_are_finite_whatever_the_part(seed: int, count: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    points = np.zeros((224 * 224, 3), np.float32)
    places = rng.choice(len(points), count, replace=False)
    points[places] = rng.normal(0, size, (count, 3)) + size
    rgb = resize_rgb(rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    found = scan_traits(rgb, points.reshape(224, 224, 3))
    assert found.shape == (len(TRAITS),)
    assert np.isfinite(found).all()
