"""Windows of raw scans, and maps carried from one to another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.window import Window, carry


@pytest.mark.parametrize(
    ("height", "width", "window"),
    [(400, 400, Window(0, 0, 400)), (5, 2, Window(0, -1, 5)), (120, 160, Window(-20, 0, 160))],
)
def test_the_whole_scan_is_centred_in_its_square(height: int, width: int, window: Window) -> None:
    assert Window.whole(height, width) == window


def mask(height: int, width: int, rows: slice, columns: slice) -> np.ndarray:
    drawn = np.zeros((height, width), bool)
    drawn[rows, columns] = True
    return drawn


def test_a_window_is_around_the_part_with_its_margin() -> None:
    around = Window.around(mask(400, 400, slice(100, 200), slice(150, 200)), 0.1)
    assert around == Window(90, 115, 120)


def test_a_window_stays_inside_the_scan() -> None:
    around = Window.around(mask(400, 400, slice(0, 100), slice(300, 400)), 0.1)
    assert around == Window(0, 280, 120)


def test_a_part_as_large_as_the_scan_takes_all_of_it() -> None:
    full = mask(300, 400, slice(0, 300), slice(0, 400))
    assert Window.around(full, 0.08) == Window.whole(300, 400)


@given(st.integers(-50, 150), st.integers(-50, 150), st.integers(1, 300), st.integers(0, 2**16))
def test_carrying_keeps_the_sum_over_the_area(top: int, left: int, side: int, seed: int) -> None:
    """Of a window that lies in the target: its mean times its area is the target's."""
    window, target = Window(top, left, side), Window(-60, -60, 600)
    values = np.random.default_rng(seed).random((SIZE, SIZE))
    carried = carry(values, window, target)
    inside = np.float64(carried).sum() * (target.side / SIZE) ** 2
    np.testing.assert_allclose(inside, values.sum() * window.scale**2, rtol=1e-5)


def test_a_map_carried_to_its_own_window_is_itself() -> None:
    values = np.random.default_rng(0).random((SIZE, SIZE)).astype(np.float32)
    window = Window(3, 5, 200)
    np.testing.assert_allclose(carry(values, window, window), values, rtol=1e-6)


def test_a_map_lands_where_its_window_is() -> None:
    carried = carry(np.ones((SIZE, SIZE)), Window(100, 50, 112), Window(0, 0, 224))
    expected = np.zeros((SIZE, SIZE), np.float32)
    expected[100:212, 50:162] = 1
    np.testing.assert_allclose(carried, expected, atol=1e-6)


def test_a_map_is_enlarged_to_the_pixels_of_the_raw_scan() -> None:
    values = np.zeros((SIZE, SIZE))
    values[0, 0] = 1
    carried = carry(values, Window(0, 0, 448), Window(0, 0, 448), size=448)
    assert carried.shape == (448, 448)
    np.testing.assert_allclose(carried[:2, :2], 1, atol=1e-6)
    np.testing.assert_allclose(carried.sum(), 4, atol=1e-5)
