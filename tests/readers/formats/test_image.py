"""A plant's images and masks: whatever its camera wrote, the pixels stay where they are."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.image import IMAGE_SUFFIXES, read_picture, read_rgb_image
from mentor3ad.readers.formats.mask import read_mask_image
from testbed.raw_files import png_bytes
from tests.readers.test_images import png_header

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
WIDE = RNG.integers(0, 65536, (20, 30, 3), dtype=np.uint16)
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


ORIENTATIONS = range(1, 9)


def seen(image: np.ndarray, orientation: int) -> np.ndarray:
    """The image as Pillow shows one that was stored in this orientation."""
    turns = [None, *map(Image.Transpose, (0, 3, 1, 5, 4, 6, 2))]
    turn = turns[orientation - 1]
    picture = Image.fromarray(image)
    return np.asarray(picture if turn is None else picture.transpose(turn))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("form", ["jpg", "png"])
def test_an_image_is_turned_as_its_exif_says(tmp_path: Path, orientation: int, form: str) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(RGB).save(tmp_path / f"a.{form}", exif=exif)
    stored = np.asarray(Image.open(tmp_path / f"a.{form}"))
    picture = read_picture(tmp_path / f"a.{form}")
    np.testing.assert_array_equal(picture.rgb, seen(stored, orientation))
    assert picture.orientation == orientation


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("wide", [False, True])
def test_a_tiff_is_turned_as_its_tag_says(tmp_path: Path, orientation: int, wide: bool) -> None:
    image = WIDE // 257 * 257 if wide else RGB
    tags = [(274, 3, 1, orientation)]
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", extratags=tags)
    expected = seen((WIDE // 257).astype(np.uint8) if wide else RGB, orientation)
    np.testing.assert_array_equal(read_rgb_image(tmp_path / "a.tif"), expected)


def test_an_orientation_that_there_is_not(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", extratags=[(274, 3, 1, 9)])
    with pytest.raises(DataError, match=r"a\.tif has the orientation 9: save it again"):
        read_rgb_image(tmp_path / "a.tif")


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("form", ["png", "tif"])
def test_counts_of_fewer_bits_fill_the_range(tmp_path: Path, bits: int, form: str) -> None:
    most = 2**bits - 1
    counts = np.linspace(0, most, 600).round().astype(np.uint16).reshape(20, 30)
    Image.fromarray(counts).save(tmp_path / f"a.{form}")
    grey = read_rgb_image(tmp_path / f"a.{form}", bits)[..., 0]
    np.testing.assert_array_equal(grey, np.floor(counts / most * 255 + 0.5))
    assert read_rgb_image(tmp_path / f"a.{form}").max() == (most + 128) // 257


@pytest.mark.parametrize("most", [1023, 4095, 16383])
def test_a_tiffs_largest_sample_says_its_bits(tmp_path: Path, most: int) -> None:
    counts = np.array([[0, most // 2], [most // 4, most]], np.uint16)
    tags = [(281, 3, 1, most)]
    tifffile.imwrite(tmp_path / "a.tif", counts, photometric="minisblack", extratags=tags)
    assert read_rgb_image(tmp_path / "a.tif").max() == 255


def test_the_contents_largest_sample_says_nothing(tmp_path: Path) -> None:
    counts = np.array([[0, 3000]], np.uint16)
    tags = [(281, 3, 1, 3000)]
    tifffile.imwrite(tmp_path / "a.tif", counts, photometric="minisblack", extratags=tags)
    assert read_rgb_image(tmp_path / "a.tif").max() == 12


def test_a_count_that_the_bits_do_not_hold(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 5000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"the count 5000, more than 12 bits hold: .* to 13"):
        read_rgb_image(tmp_path / "a.png", 12)


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


def test_planar_sixteen_bit_tiff(tmp_path: Path) -> None:
    planes = np.moveaxis(WIDE, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(DataError, match="is planar with 16 bits a channel: save"):
        read_rgb_image(tmp_path / "a.tif")


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
