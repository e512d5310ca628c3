"""A plant's images and masks: whatever its camera wrote, the pixels stay where they are."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.image import IMAGE_SUFFIXES, read_mask_image, read_rgb_image
from tests.raw_files import png_bytes
from tests.readers.test_images import png_header

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
WIDE = RNG.integers(0, 65536, (20, 30, 3), dtype=np.uint16)
MASK = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def bmp_header(path: Path, width: int, height: int) -> Path:
    """A BMP of 24 bits that is all header."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    path.write_bytes(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info)
    return path


def jpeg_header(path: Path, width: int, height: int) -> Path:
    """A JPEG whose frame claims another size than it holds."""
    Image.fromarray(RGB).save(path, format="JPEG")
    content = path.read_bytes()
    at = content.index(b"\xff\xc0") + 5
    path.write_bytes(content[:at] + struct.pack(">HH", height, width) + content[at + 4 :])
    return path


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES - {".jpg", ".jpeg"}))
def test_lossless_rgb_arrives_unchanged(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"Teil ä{suffix.upper()}"
    Image.fromarray(RGB).save(path)
    np.testing.assert_array_equal(read_rgb_image(path), RGB)


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_array_equal(
        read_rgb_image(tmp_path / "a.jpg"), np.asarray(Image.open(tmp_path / "a.jpg"))
    )


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_rgb_image(tmp_path / "a.jpg"), RGB)


def test_jpeg_orientation_is_not_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    assert read_rgb_image(tmp_path / "a.jpg").shape == (20, 30, 3)


def test_tiff_with_an_orientation_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", extratags=[(274, 3, 1, 6)])
    with pytest.raises(DataError, match=r"a\.tif has the orientation 6: save"):
        read_rgb_image(tmp_path / "a.tif")


@PROPERTY
@given(arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_sixteen_bit_png_is_rounded_and_not_cut(tmp_path: Path, samples: Any) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes(samples, 2))
    expected = np.floor(samples / 257 + 0.5)
    np.testing.assert_array_equal(read_rgb_image(tmp_path / "a.png"), expected)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (4, 2), (6, 4)])
def test_other_sixteen_bit_pngs(tmp_path: Path, colour: int, channels: int) -> None:
    samples = RNG.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(png_bytes(samples, colour))
    used = samples[..., :3] if channels == 4 else samples[..., [0, 0, 0]]
    np.testing.assert_array_equal(read_rgb_image(tmp_path / "a.png"), np.round(used / 257))


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"compression": "zlib"}])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_tiff(tmp_path: Path, options: dict[str, str], channels: int) -> None:
    samples = RNG.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    kind = {"photometric": "rgb"} if channels > 1 else {"photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", samples, **kind, **options)
    used = samples[..., :3] if channels > 1 else samples[..., [0, 0, 0]]
    np.testing.assert_array_equal(read_rgb_image(tmp_path / "a.tif"), np.round(used / 257))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    np.testing.assert_array_equal(read_rgb_image(path), np.asarray(image.convert("RGB")))


def test_float_rgb(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4, 3), np.float32), photometric="rgb")
    with pytest.raises(DataError, match=r"cannot be read .*: save it again with 8 or 16 bits"):
        read_rgb_image(tmp_path / "a.tif")


def test_float_image(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.float32))
    with pytest.raises(DataError, match="holds floats: save it with 8 or 16 bits"):
        read_rgb_image(tmp_path / "a.tif")


@pytest.mark.parametrize("form", ["png", "tif", "bmp"])
@pytest.mark.parametrize("equal_channels", [False, True])
def test_mask_arrives_unchanged(tmp_path: Path, form: str, equal_channels: bool) -> None:
    image = np.dstack([MASK] * 3) if equal_channels else MASK
    Image.fromarray(image).save(tmp_path / f"m.{form}")
    np.testing.assert_array_equal(read_mask_image(tmp_path / f"m.{form}"), MASK)


@PROPERTY
@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=9)), st.booleans())
def test_sixteen_bit_mask_keeps_what_is_a_defect(tmp_path: Path, mask: Any, tiff: bool) -> None:
    path = tmp_path / "m"
    if tiff:
        tifffile.imwrite(path, mask, photometric="minisblack")
    else:
        path.write_bytes(png_bytes(mask[..., None], 0))
    np.testing.assert_array_equal(read_mask_image(path), np.minimum(mask, 255))


@pytest.mark.parametrize("form", ["png", "bmp", "tif"])
def test_one_bit_mask(tmp_path: Path, form: str) -> None:
    Image.fromarray(MASK > 99).save(tmp_path / f"m.{form}")
    np.testing.assert_array_equal(read_mask_image(tmp_path / f"m.{form}"), (MASK > 99) * 255)


def test_palette_of_a_mask_gives_its_indices(tmp_path: Path) -> None:
    image = Image.fromarray(MASK % 3, mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png"), MASK % 3)


def test_palette_that_starts_with_white_gives_its_greys(tmp_path: Path) -> None:
    image = Image.fromarray(MASK % 2, mode="P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png"), (1 - MASK % 2) * 255)


def test_alpha_of_a_mask_is_dropped(tmp_path: Path) -> None:
    image = np.dstack([MASK] * 3 + [MASK[::-1]])
    Image.fromarray(image).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_image(tmp_path / "m.png"), MASK)


def test_mask_in_colour(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "m.png")
    with pytest.raises(DataError, match=r"m\.png has channels that differ: save the mask"):
        read_mask_image(tmp_path / "m.png")


def test_mask_as_jpeg(tmp_path: Path) -> None:
    Image.fromarray(MASK).save(tmp_path / "m.jpg")
    with pytest.raises(DataError, match=r"m\.jpg is none of BMP, PNG, TIFF"):
        read_mask_image(tmp_path / "m.jpg")


def test_sixteen_bit_mask_whose_zero_is_white(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", MASK.astype(np.uint16), photometric="miniswhite")
    with pytest.raises(DataError, match="white is 0: save it with black as 0"):
        read_mask_image(tmp_path / "m.tif")


def test_planar_sixteen_bit_tiff(tmp_path: Path) -> None:
    planes = np.moveaxis(WIDE, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(DataError, match="is planar with 16 bits a channel: save"):
        read_rgb_image(tmp_path / "a.tif")


def test_negative_class(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.full((4, 4), -1, np.int32))
    with pytest.raises(DataError, match="has the class -1"):
        read_mask_image(tmp_path / "m.tif")


def tiff_that_claims(path: Path, **tags: int) -> Path:
    """A tiled TIFF with other sizes than it holds."""
    tifffile.imwrite(path, RGB, photometric="rgb", tile=(16, 16))
    with tifffile.TiffFile(path) as tiff:
        places = {name: tiff.pages.first.tags[name].valueoffset for name in tags}
    content = bytearray(path.read_bytes())
    for name, at in places.items():
        content[at : at + 2] = struct.pack("<H", tags[name])
    path.write_bytes(content)
    return path


def tiff_header(path: Path, width: int, height: int) -> Path:
    return tiff_that_claims(path, ImageWidth=width, ImageLength=height)


@pytest.mark.parametrize("write", [png_header, tiff_header, bmp_header, jpeg_header])
def test_huge_image_is_refused_by_its_header(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "a", 60000, 60000)
    with pytest.raises(DataError, match=r"a claims 60000 x 60000 pixels"):
        read_rgb_image(path)


def test_huge_tile_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tiff_that_claims(tmp_path / "a.tif", TileWidth=60000)
    with pytest.raises(DataError, match="claims 16 x 60000 pixels"):
        read_rgb_image(path)


@pytest.mark.parametrize("form", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5])
def test_truncated_image(tmp_path: Path, form: str, keep: float) -> None:
    path = tmp_path / f"a.{form}"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(DataError, match=r"cannot be read|is none of|is not a PNG"):
        read_rgb_image(path)


@pytest.mark.parametrize("read", [read_rgb_image, read_mask_image])
def test_what_is_no_file(tmp_path: Path, read: Any) -> None:
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for path in (tmp_path, tmp_path / "no.png", tmp_path / "loop.png"):
        with pytest.raises(DataError, match="does not exist or is not a file"):
            read(path)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    where=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
    form=st.sampled_from(["PNG", "TIFF", "BMP", "JPEG"]),
    wide=st.booleans(),
)
def test_damaged_byte_is_refused_or_read(
    tmp_path: Path, where: float, flip: int, form: str, wide: bool
) -> None:
    """Whatever byte is wrong: an array of the right kind or a DataError, nothing else."""
    path = tmp_path / "a"
    Image.fromarray(RGB[:4, :4]).save(path, format=form)
    if wide and form == "PNG":
        path.write_bytes(png_bytes(WIDE[:4, :4], 2))
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= flip
    path.write_bytes(content)
    try:
        image = read_rgb_image(path)
    except DataError:
        return
    assert image.shape[2] == 3
    assert image.dtype == np.uint8
