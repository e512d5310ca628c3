"""What the report's page decodes is what was measured, to the precision that is promised."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mentor3ad.dataset.grid import SIZE
from mentor3ad.drawing.encoding import (
    HALF,
    MAX_POINTS,
    MAX_STEP,
    EncodedCloud,
    encode_cloud,
    encode_maps,
    encode_masks,
)


def decoded(cloud: EncodedCloud) -> tuple[np.ndarray, np.ndarray]:
    """(grid, grid) bool and (N, 3) metres, written from the description of `EncodedCloud` alone."""
    data = np.frombuffer(zlib.decompress(cloud.data), np.uint8)
    head = (cloud.grid**2 + 7) // 8
    there = np.unpackbits(data[:head], count=cloud.grid**2).astype(bool)
    low, high = data[head:].reshape(2, 3, -1).astype(np.int64)
    zigzag = low + 256 * high
    steps = np.cumsum((zigzag >> 1) ^ -(zigzag & 1), axis=1).T
    return there.reshape(cloud.grid, cloud.grid), np.array(cloud.origin) + steps * cloud.step


def dome(side: int) -> np.ndarray:
    """(224, 224, 3) float32 metres: a dome on the middle `side` x `side` pixels."""
    points = np.zeros((SIZE, SIZE, 3), np.float32)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    part = np.stack([0.05 * x + 1e-7, 0.05 * y + 1e-7, 0.5 - 0.01 * np.cos(x) * np.cos(y)], -1)
    first = (SIZE - side) // 2
    points[first : first + side, first : first + side] = part
    return points


@given(st.integers(2, SIZE))
def test_a_cloud_is_its_picked_points_to_half_a_step(side: int) -> None:
    points = dome(side)
    cloud = encode_cloud(points)
    pixels = np.arange(cloud.grid) * SIZE // cloud.grid
    picked = points[np.ix_(pixels, pixels)]
    there, positions = decoded(cloud)
    np.testing.assert_array_equal(there, picked.all(axis=-1))
    assert np.abs(positions - picked[there]).max(initial=0) <= cloud.step * 0.51


def test_a_cloud_has_no_more_points_than_promised() -> None:
    there, positions = decoded(encode_cloud(dome(SIZE)))
    assert 0.95 * MAX_POINTS < len(positions) <= MAX_POINTS
    assert there.sum() == len(positions)


def test_a_step_is_the_longest_side_over_the_steps() -> None:
    assert encode_cloud(dome(HALF)).step == pytest.approx(0.1 / MAX_STEP, rel=0.03)


def test_a_scan_without_points_is_an_empty_cloud() -> None:
    there, positions = decoded(encode_cloud(np.zeros((SIZE, SIZE, 3), np.float32)))
    assert (there.sum(), positions.shape) == (0, (0, 3))


def test_a_tile_keeps_the_peak_of_its_map() -> None:
    maps = np.zeros((4, SIZE, SIZE), np.float32)
    for k in range(4):
        maps[k, 40 * k + 20 : 40 * k + 36, 60:76] = k + 1
    image = Image.open(io.BytesIO(encode_maps(maps, [(0.0, 4.0)] * 4))).convert("L")
    tiles = np.array(image).reshape(2, HALF, 2, HALF).swapaxes(1, 2).reshape(4, HALF, HALF)
    for k in range(4):
        assert tiles[k, 20 * k + 14, 34] == pytest.approx((k + 1) / 4 * 255, abs=6)
        assert tiles[k, 105, 5] == pytest.approx(0, abs=6)


def test_what_lies_outside_the_range_is_clipped() -> None:
    maps = np.stack([np.full((SIZE, SIZE), v, np.float32) for v in (-1, 0.5, 1, 9)])
    image = np.array(Image.open(io.BytesIO(encode_maps(maps, [(0.0, 1.0)] * 4))).convert("L"))
    corners = [image[y, x] for y in (50, 170) for x in (50, 170)]
    assert corners == pytest.approx([0, 128, 255, 255], abs=3)


def test_a_mask_of_one_pixel_stays() -> None:
    foreground, truth = np.ones((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)
    truth[101, 7] = True
    bits = np.unpackbits(np.frombuffer(zlib.decompress(encode_masks(foreground, truth)), np.uint8))
    halves = bits.reshape(2, HALF, HALF)
    assert halves[0].all()
    assert np.argwhere(halves[1]).tolist() == [[50, 3]]


def test_the_same_scan_gives_the_same_bytes() -> None:
    assert encode_cloud(dome(100)) == encode_cloud(dome(100))
