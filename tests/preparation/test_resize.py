"""Resizing against the published code's own results (golden 05), and registration by shift."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.grid import inside_scan
from mentor3ad.preparation.resize import (
    nearest_indices,
    resize_foreground,
    resize_mask,
    resize_mask_as_published,
    resize_points,
    resize_rgb,
    resize_rgb_u8,
    restore_rgb,
    square_pad,
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
    square = square_pad(points)
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
    image = np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], dtype=np.uint8)
    padded = square_pad(image, mode="edge")
    np.testing.assert_array_equal(padded[0], [1, 1, 2, 2, 2])


def test_restoring_the_networks_image_gives_every_value_back() -> None:
    values = np.arange(224 * 224 * 3).reshape(224, 224, 3) % 256
    image = values.astype(np.uint8)
    np.testing.assert_array_equal(restore_rgb(resize_rgb(image)), image)
