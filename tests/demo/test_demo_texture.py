"""Invariants of the fields and of the camera that everything is drawn with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.demo.frame import FIELD_MM, look
from mentor3ad.demo.texture import along, closed_curve, noise, ramp


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.integers(0, 2**32 - 1))
def test_outline_closes(seed: int) -> None:
    curve = closed_curve(generator(seed), 0.1, range(2, 8))
    angles = np.linspace(-7, 7, 50, dtype=np.float32)
    np.testing.assert_allclose(along(curve, angles), along(curve, angles + 2 * np.pi), atol=1e-4)


@given(st.floats(-5, 5), st.floats(0.1, 5))
def test_ramp_stays_between_zero_and_one(value: float, width: float) -> None:
    assert 0 <= ramp(np.array([value], np.float32), width)[0] <= 1


def test_noise_has_zero_mean_and_unit_variance() -> None:
    field = noise(look(400, generator()), generator(1), 2.0)
    assert abs(field.mean()) < 0.05
    assert field.std() == pytest.approx(1.0, abs=0.05)


def test_noise_is_the_same_field_at_any_resolution() -> None:
    fine = noise(look(256, generator()), generator(1), 20.0)
    coarse = noise(look(64, generator()), generator(1), 20.0)
    shrunk = fine.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - coarse).max() < 0.05


@given(st.floats(0, 40), st.integers(0, 1000))
def test_points_lie_at_their_height_over_the_table(height: float, seed: int) -> None:
    frame = look(32, generator(seed))
    level = frame.points(np.zeros((32, 32), np.float32)).astype(np.float64) * 1000
    raised = frame.points(np.full((32, 32), height, np.float32)).astype(np.float64) * 1000
    normal = np.cross(level[0, -1] - level[0, 0], level[-1, 0] - level[0, 0])
    normal /= np.linalg.norm(normal)
    above = np.abs((raised - level[0, 0]) @ normal)
    np.testing.assert_allclose(above, height, atol=2e-3)


def test_table_coordinates_are_centred_and_in_mm() -> None:
    frame = look(100, generator())
    assert abs(frame.x.mean()) < 1.0
    assert np.ptp(frame.x[50]) == pytest.approx(FIELD_MM, rel=0.03)
    assert (np.diff(frame.x, axis=1) > 0).all()
    assert (np.diff(frame.y, axis=0) > 0).all()


@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(1, 20), st.sampled_from([40, 96, 200]))
def test_window_holds_every_pixel_in_reach(x: float, y: float, reach: float, size: int) -> None:
    frame = look(size, generator())
    rows, columns = np.nonzero(np.hypot(frame.x - x, frame.y - y) <= reach)
    window = frame.window(x, y, reach)
    inside = np.zeros((size, size), bool)
    inside[window] = True
    assert inside[rows, columns].all()
