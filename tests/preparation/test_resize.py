"""Resizing against the published code's own results (golden 05), and registration by shift."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.grid import inside_scan, nearest_indices
from mentor3ad.dataset.window import Window
from mentor3ad.preparation.resize import (
    resize_foreground,
    resize_mask,
    resize_mask_as_published,
    resize_points,
    resize_rgb,
    resize_rgb_u8,
    restore_rgb,
)
from mentor3ad.readers.images import read_mask, read_rgb
from tests.paths import ROOT

GOLDEN = ROOT / "tests/golden" / "05_resize"
RGB = sorted(GOLDEN.glob("rgb_*.png"))
MASKS = sorted(GOLDEN.glob("gt_*.png"))


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "resize.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("path", RGB, ids=lambda path: path.stem)
def test_rgb_is_the_reference(golden: dict[str, np.ndarray], path: Path) -> None:
    expected = golden[path.stem[:5]]
    np.testing.assert_array_equal(resize_rgb(read_rgb(path)), expected)


@pytest.mark.parametrize("path", MASKS, ids=lambda path: path.stem)
def test_mask_is_the_reference(golden: dict[str, np.ndarray], path: Path) -> None:
    expected = golden[path.stem[:4]][0] > 0
    mask = read_mask(path)
    mask[mask < 128] = 0  # the reference drops them; here they would be defect classes
    np.testing.assert_array_equal(resize_mask_as_published(mask), expected)
    inside = expected & inside_scan(*mask.shape)
    np.testing.assert_array_equal(resize_mask(mask), inside)


def test_padding_is_no_defect() -> None:
    """8 x 15 pixels at the upper border of 120 x 160 are 11.2 x 21 of 224 x 224."""
    mask = np.zeros((120, 160), dtype=np.uint8)
    mask[:8, 70:85] = 255
    rows = [j for j in range(224) if 0 <= int((j + 0.5) * 160 / 224) - 20 < 8]
    columns = [j for j in range(224) if 70 <= int((j + 0.5) * 160 / 224) < 85]
    expected = np.zeros((224, 224), dtype=bool)
    expected[np.ix_(rows, columns)] = True
    np.testing.assert_array_equal(resize_mask(mask), expected)
    grown = resize_mask_as_published(mask)
    assert grown[: rows[0], columns].all()
    np.testing.assert_array_equal(grown[rows[0] :], expected[rows[0] :])


@pytest.mark.parametrize(
    ("height", "width"), [(120, 160), (160, 120), (224, 100), (7, 5), (800, 601)]
)
def test_a_scan_is_inside_where_its_pixels_are(height: int, width: int) -> None:
    everywhere = np.ones((height, width), dtype=np.uint8)
    np.testing.assert_array_equal(inside_scan(height, width), resize_mask(everywhere))


def test_a_square_scan_has_no_padding() -> None:
    assert inside_scan(400, 400).all()


@pytest.mark.parametrize("path", RGB, ids=lambda path: path.stem)
def test_the_picture_comes_back_from_the_normalised_one(path: Path) -> None:
    rgb = read_rgb(path)
    np.testing.assert_array_equal(restore_rgb(resize_rgb(rgb)), resize_rgb_u8(rgb))


def test_low_defect_classes_are_defects() -> None:
    mask = np.full((448, 448), 1, dtype=np.uint8)
    assert resize_mask(mask).all()


@pytest.mark.parametrize("case", range(4))
def test_source_indices_are_the_reference(golden: dict[str, np.ndarray], case: int) -> None:
    height, width = golden[f"pc_{case}_size"]
    np.testing.assert_array_equal(nearest_indices(height, 224), golden[f"pc_{case}_src_row"])
    np.testing.assert_array_equal(nearest_indices(width, 224), golden[f"pc_{case}_src_col"])


def test_square_points_are_the_reference(golden: dict[str, np.ndarray]) -> None:
    rows = nearest_indices(80, 224)
    square = golden["pc_0_input"][:80]
    np.testing.assert_array_equal(resize_points(square), square[np.ix_(rows, rows)])
    full = golden["pc_0_input"][np.ix_(nearest_indices(96, 224), rows)]
    np.testing.assert_array_equal(full.transpose(2, 0, 1), golden["pc_0_output"])


@pytest.mark.parametrize("shape", [(40, 27), (27, 40), (500, 301), (1, 5), (224, 224)])
def test_points_are_those_of_the_padded_square(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    side, (height, width) = max(shape), shape
    square = np.zeros((side, side, 3), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = points
    rows = nearest_indices(max(shape), 224)
    np.testing.assert_array_equal(resize_points(points), square[np.ix_(rows, rows)])


@pytest.mark.parametrize("shape", [(448, 299), (299, 448)])
def test_modalities_stay_registered(shape: tuple[int, int]) -> None:
    """A square drawn into all of RGB, points, mask and foreground lands on the same pixels."""
    drawn = np.zeros(shape, dtype=bool)
    drawn[100:200, 50:150] = True
    rgb = np.repeat(drawn[..., None] * np.uint8(255), 3, axis=2)
    expected = resize_foreground(drawn)
    assert expected.sum() == 50 * 50
    points = resize_points(drawn[..., None] * np.ones(3, np.float32))
    np.testing.assert_array_equal(points.all(axis=-1), expected)
    np.testing.assert_array_equal(resize_mask(drawn.astype(np.uint8)), expected)
    np.testing.assert_array_equal(resize_rgb_u8(rgb)[..., 0] > 127, expected)


def test_padding_repeats_edges_and_puts_the_odd_pixel_right() -> None:
    """Five rows of two pixels: one column of padding left, two right, as wide as a pixel each."""
    image = np.zeros((5, 2, 3), np.uint8)
    image[:, 0], image[:, 1] = 50, 200
    columns = resize_rgb_u8(image)[112, :, 0].astype(int)
    assert (columns[: int(1.4 * 224 / 5)] < 60).all()
    assert (columns[int(2.8 * 224 / 5) :] > 190).all()


# A window of the scan


def test_a_window_is_what_the_whole_of_the_cut_scan_is() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (500, 400, 3), np.uint8)
    points = rng.random((500, 400, 3), np.float32)
    mask = rng.integers(0, 2, (500, 400)).astype(np.uint8)
    window, cut = Window(100, 50, 300), np.s_[100:400, 50:350]
    np.testing.assert_array_equal(resize_rgb_u8(rgb, window), resize_rgb_u8(rgb[cut]))
    np.testing.assert_array_equal(resize_points(points, window), resize_points(points[cut]))
    np.testing.assert_array_equal(resize_mask(mask, window), resize_mask(mask[cut]))
    np.testing.assert_array_equal(
        resize_foreground(mask > 0, window), resize_foreground(mask[cut] > 0)
    )


def test_past_the_border_colours_are_repeated_and_there_is_no_return() -> None:
    rgb = np.full((100, 100, 3), 7, np.uint8)
    window = Window(-112, -112, 224)
    assert (resize_rgb_u8(rgb, window) == 7).all()
    points = resize_points(np.ones((100, 100, 3), np.float32), window)
    assert points.any(axis=-1).sum() == 100 * 100
    assert points[112:212, 112:212].all()


def plane_with_a_step(step: float) -> np.ndarray:
    """(120, 120, 3): a plane of 1 mm pitch; its right half lies `step` metres nearer."""
    y, x = np.mgrid[:120, :120]
    z = np.where(x < 60, 0.5, 0.5 - step)
    return np.stack([x * 1e-3, y * 1e-3, z], axis=-1).astype(np.float32)


def test_enlarged_points_lie_on_the_surface_at_even_steps() -> None:
    enlarged = resize_points(plane_with_a_step(0), Window(4, 4, 112))
    np.testing.assert_allclose(np.diff(enlarged[..., 0], axis=1), 0.5e-3, atol=1e-6)
    np.testing.assert_allclose(enlarged[..., 2], 0.5, atol=1e-7)


def test_enlarged_points_never_lie_between_two_surfaces() -> None:
    enlarged = resize_points(plane_with_a_step(0.02), Window(4, 4, 112))
    to_surface = np.minimum(np.abs(enlarged[..., 2] - 0.5), np.abs(enlarged[..., 2] - 0.48))
    assert to_surface.max() < 1e-6


def test_enlarged_points_hold_no_mean_with_a_missing_return() -> None:
    points = plane_with_a_step(0)
    points[60, 60] = 0
    enlarged = resize_points(points, Window(4, 4, 112))
    returned = enlarged.any(axis=-1)
    assert 0 < (~returned).sum() <= 9
    np.testing.assert_allclose(enlarged[returned][:, 2], 0.5, atol=1e-7)


def test_restoring_the_networks_image_gives_every_value_back() -> None:
    values = np.arange(224 * 224 * 3).reshape(224, 224, 3) % 256
    image = values.astype(np.uint8)
    np.testing.assert_array_equal(restore_rgb(resize_rgb(image)), image)
