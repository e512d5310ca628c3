"""Masks: classes stay as they are, and greys are marked from half of the largest up."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFilter

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.mask import marked, read_mask_image
from testbed.raw_files import png_bytes

RNG = np.random.default_rng(5)
# (20, 30): areas of the classes 0 to 3, 254 and 255, each at least 4 x 5 pixels.
MASK = np.kron(RNG.choice([0, 1, 2, 3, 254, 255], (5, 6)), np.ones((4, 5))).astype(np.uint8)
DRAWN = np.zeros((64, 64), dtype=np.uint8)
DRAWN[20:34, 12:40] = 255


@pytest.mark.parametrize("form", ["png", "tif", "bmp"])
@pytest.mark.parametrize("equal_channels", [False, True])
def test_mask_arrives_unchanged(tmp_path: Path, form: str, equal_channels: bool) -> None:
    image = np.dstack([MASK] * 3) if equal_channels else MASK
    Image.fromarray(image).save(tmp_path / f"m.{form}")
    np.testing.assert_array_equal(read_mask_image(tmp_path / f"m.{form}").classes, MASK)


@pytest.mark.parametrize("tiff", [False, True])
def test_sixteen_bit_mask_keeps_what_is_a_defect(tmp_path: Path, tiff: bool) -> None:
    path, mask = tmp_path / "m", MASK.astype(np.uint16) * 200
    if tiff:
        tifffile.imwrite(path, mask, photometric="minisblack")
    else:
        path.write_bytes(png_bytes(mask[..., None], 0))
    np.testing.assert_array_equal(read_mask_image(path).classes, np.minimum(mask, 255))


@pytest.mark.parametrize("form", ["png", "bmp", "tif"])
def test_one_bit_mask(tmp_path: Path, form: str) -> None:
    Image.fromarray(MASK > 99).save(tmp_path / f"m.{form}")
    np.testing.assert_array_equal(
        read_mask_image(tmp_path / f"m.{form}").classes, (MASK > 99) * 255
    )


def test_palette_of_a_mask_gives_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(MASK % 3, mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png").classes, MASK % 3)


def test_palette_that_starts_with_white_gives_its_greys(tmp_path: Path) -> None:
    image = Image.fromarray(MASK % 2, mode="P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png").classes, (1 - MASK % 2) * 255)


def test_mask_in_colour(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([MASK, MASK, 255 - MASK])).save(tmp_path / "m.png")
    with pytest.raises(DataError, match=r"m\.png has channels that differ: save the mask"):
        read_mask_image(tmp_path / "m.png")


def test_sixteen_bit_mask_whose_zero_is_white(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", MASK.astype(np.uint16), photometric="miniswhite")
    with pytest.raises(DataError, match="white is 0: save it with black as 0"):
        read_mask_image(tmp_path / "m.tif")


def test_negative_class(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.full((4, 4), -1, np.int32))
    with pytest.raises(DataError, match="has the class -1"):
        read_mask_image(tmp_path / "m.tif")


# Values between


def test_areas_of_classes_are_no_grey() -> None:
    classes, grey = marked(MASK)
    np.testing.assert_array_equal(classes, MASK)
    assert not grey


def test_a_thin_class_of_its_own_is_kept() -> None:
    mask = DRAWN.copy()
    mask[50, 10:50] = 253
    classes, grey = marked(mask)
    np.testing.assert_array_equal(classes, mask)
    assert not grey


@pytest.mark.parametrize("blur", [0.7, 1.5, 4.0])
def test_soft_edges_are_marked_from_half(blur: float) -> None:
    soft = np.asarray(Image.fromarray(DRAWN).filter(ImageFilter.GaussianBlur(blur)))
    classes, grey = marked(soft)
    assert grey
    np.testing.assert_array_equal(classes > 0, soft >= soft.max() / 2)
    assert abs(int((classes > 0).sum()) - 14 * 28) <= 0.1 * 14 * 28
    assert (soft > 0).sum() > 14 * 28 + 80  # what was marked before


def test_a_scaled_masks_few_greys_are_edges() -> None:
    """Half the size by bilinear means: 64, 128 and 191 line what is marked."""
    odd = np.roll(DRAWN, (1, 1), (0, 1))
    small = np.asarray(Image.fromarray(odd).resize((32, 32), Image.Resampling.BOX))
    assert len(np.unique(small)) <= 4
    classes, grey = marked(small)
    assert grey
    assert not classes[(small > 0) & (small < 128)].any()


@pytest.mark.parametrize("quality", [30, 75])
def test_a_jpeg_marks_what_was_drawn(tmp_path: Path, quality: int) -> None:
    Image.fromarray(DRAWN).save(tmp_path / "m.jpg", quality=quality)
    assert (np.asarray(Image.open(tmp_path / "m.jpg")) > 0).sum() > 1.2 * 14 * 28
    mask = read_mask_image(tmp_path / "m.jpg")
    np.testing.assert_array_equal(mask.classes > 0, DRAWN > 0)
    assert mask.grey


def test_a_jpeg_of_classes_is_refused(tmp_path: Path) -> None:
    Image.fromarray(DRAWN // 255 * 3).save(tmp_path / "m.jpg")
    with pytest.raises(DataError, match=r"m\.jpg is a dark JPEG.*save the mask as PNG"):
        read_mask_image(tmp_path / "m.jpg")


# Alpha


@pytest.mark.parametrize("colour", [0, 255, 90])
def test_a_mask_drawn_in_alpha(tmp_path: Path, colour: int) -> None:
    plain = np.full_like(DRAWN, colour)
    Image.fromarray(np.dstack([plain] * 3 + [DRAWN])).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png").classes, DRAWN)


def test_a_coloured_mark_on_a_clear_ground(tmp_path: Path) -> None:
    red = np.dstack([DRAWN, 0 * DRAWN, 0 * DRAWN, DRAWN])
    Image.fromarray(red).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png").classes, DRAWN)


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_even_alpha_is_dropped(tmp_path: Path, alpha: int) -> None:
    image = np.dstack([MASK] * 3 + [np.full_like(MASK, alpha)])
    Image.fromarray(image).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png").classes, MASK)


def test_colours_and_alpha_that_differ_are_refused(tmp_path: Path) -> None:
    image = np.dstack([DRAWN] * 3 + [DRAWN[::-1]])
    Image.fromarray(image).save(tmp_path / "m.png")
    with pytest.raises(DataError, match=r"m\.png marks other pixels in its colours than in its"):
        read_mask_image(tmp_path / "m.png")
