"""E57, LAS, ROS bags and ZDF: the same cloud from each, and one sentence for their twins."""

import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.geometry import Camera, has_colour, read_organised

files = pytest.importorskip(
    "testbed.container_files", reason="the extra formats is not installed", exc_type=ImportError
)
h5py = files.h5py
write_bag, write_e57, write_las, write_zdf = (
    files.write_bag,
    files.write_e57,
    files.write_las,
    files.write_zdf,
)

RNG = np.random.default_rng(2)
POINTS = RNG.uniform(0.25, 0.75, (5, 6, 3)).astype(np.float32)
POINTS[1, 2] = POINTS[4, 0] = np.nan
RGB = RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
RETURNED = np.isfinite(POINTS).all(axis=-1)
SOLID = np.where(RETURNED[..., None], POINTS, np.float32(0))
SPREAD = np.array([[[0.0, 0.0, 0.5], [0.25, 0.0, 0.5], [0.0, 0.25, 0.5]]], np.float32)
CAMERA = Camera(2.0, 2.0, 0.0, 0.0, 2, 2)
RGBA = np.concatenate([RGB, np.full((5, 6, 1), 255, np.uint8)], axis=-1)

ORGANISED = {
    "e57": lambda path: write_e57(path, POINTS, RGB),
    "bag": lambda path: write_bag(path, POINTS, RGB),
    "zdf": lambda path: write_zdf(path, POINTS * 1000, RGBA, compression="gzip"),
}


@pytest.mark.parametrize("kind", ORGANISED)
@pytest.mark.parametrize("units", ["m", "mm"])
def test_organised_with_colours_and_a_unit_of_its_own(
    tmp_path: Path, kind: str, units: Any
) -> None:
    path = ORGANISED[kind](tmp_path / f"c.{kind}")
    assert has_colour(path)
    seen = read_organised(path, units=units)
    np.testing.assert_allclose(seen.points, SOLID, atol=1e-7)
    assert seen.rgb is not None
    np.testing.assert_array_equal(seen.rgb[RETURNED], RGB[RETURNED])


@pytest.mark.parametrize("kind", ["e57", "las", "bag"])
def test_unorganised_is_projected_with_its_colours(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"c.{kind}"
    rgb = RGB[:1, :3]
    write: dict[str, Any] = {
        "e57": lambda: write_e57(path, SPREAD, rgb, organised=False),
        "las": lambda: write_las(path, SPREAD[0], rgb[0].astype(np.uint16) * 257),
        "bag": lambda: write_bag(path, SPREAD, rgb),
    }
    write[kind]()
    with pytest.raises(DataError, match="is an unorganised cloud, a list of 3 points"):
        read_organised(path)
    seen = read_organised(path, camera=CAMERA)
    assert seen.rgb is not None
    np.testing.assert_array_equal(seen.rgb[[0, 0, 1], [0, 1, 0]], rgb[0])
    np.testing.assert_allclose(seen.points[[0, 0, 1], [0, 1, 0]], SPREAD[0], atol=1e-4)


def test_las_without_colours_or_with_8_bits(tmp_path: Path) -> None:
    assert not has_colour(write_las(tmp_path / "a.las", SPREAD[0]))
    path = write_las(tmp_path / "b.las", SPREAD[0], RGB[0, :3].astype(np.uint16))
    seen = read_organised(path, camera=CAMERA)
    assert seen.rgb is not None
    np.testing.assert_array_equal(seen.rgb[0, 0], RGB[0, 0])


def test_rows_of_a_bag_may_have_bytes_after_them(tmp_path: Path) -> None:
    seen = read_organised(write_bag(tmp_path / "c.bag", POINTS, RGB, padding=12))
    np.testing.assert_array_equal(seen.points, SOLID)


def test_without_colours(tmp_path: Path) -> None:
    paths = [
        write_e57(tmp_path / "c.e57", POINTS),
        write_bag(tmp_path / "c.bag", POINTS),
        write_zdf(tmp_path / "c.zdf", POINTS * 1000, None),
    ]
    assert [has_colour(path) for path in paths] == [False] * 3
    for path in paths:
        np.testing.assert_allclose(read_organised(path).points, SOLID, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "module"), [("e57", "pye57"), ("bag", "rosbags.rosbag1"), ("zdf", "h5py")]
)
def test_the_extra_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, module: str
) -> None:
    path = ORGANISED[kind](tmp_path / f"c.{kind}")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"needs {module.split('.')[0]} .*mentor3ad\[formats\]"):
        read_organised(path)


# Hostile twins


def refused(path: Path, match: str) -> None:
    with pytest.raises(DataError, match=match) as error:
        read_organised(path, camera=CAMERA)
    assert "\n" not in str(error.value)
    assert path.name in str(error.value)


@pytest.mark.parametrize("kind", [*ORGANISED, "las"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_file_that_ends_early(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"c.{kind}"
    if kind in ORGANISED:
        ORGANISED[kind](path)
    else:
        write_las(path, RNG.uniform(0, 1, (500, 3)))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, r"is truncated|cannot be read|is none of|no ZDF|PointCloud2|no pointcloud")


def patch(path: Path, at: int, form: str, *values: int) -> None:
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, *values)
    path.write_bytes(content)


def test_las_that_claims_more_points_than_it_has(tmp_path: Path) -> None:
    path = write_las(tmp_path / "c.las", RNG.uniform(0, 1, (50, 3)))
    patch(path, 107, "<I", 6_000_000)
    refused(path, r"is truncated|cannot be read")
    patch(path, 107, "<I", 4_000_000_000)
    refused(path, r"claims 4000000000 points|cannot be read")


def test_laz_is_to_be_unpacked(tmp_path: Path) -> None:
    path = write_las(tmp_path / "c.las", SPREAD[0])
    patch(path, 104, "B", 0x80)
    refused(path, r"is LAZ, compressed: run laszip")


@pytest.mark.parametrize(("at", "form"), [(94, "<H"), (96, "<I"), (100, "<I")])
def test_las_whose_header_points_past_the_end(tmp_path: Path, at: int, form: str) -> None:
    path = write_las(tmp_path / "c.las", SPREAD[0])
    patch(path, at, form, 2 ** (8 * struct.calcsize(form)) - 1)
    refused(path, r"is truncated")


def rewrite_xml(path: Path, old: bytes, new: bytes) -> None:
    """Replace text of one length in an E57's XML, and mend the checksums of its pages."""
    assert len(old) == len(new)
    content = path.read_bytes()
    pages = [content[i : i + 1024] for i in range(0, len(content), 1024)]
    logical = b"".join(page[:1020] for page in pages)
    assert old in logical
    logical = logical.replace(old, new)
    chunks = [logical[i : i + 1020] for i in range(0, len(logical), 1020)]
    path.write_bytes(b"".join(c + struct.pack(">I", crc32c(c)) for c in chunks))


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_e57_with_a_false_count(tmp_path: Path) -> None:
    path = write_e57(tmp_path / "c.e57", POINTS, RGB)
    rewrite_xml(path, b'recordCount="28"', b'recordCount="60"')
    refused(path, r"is truncated|cannot be read")
    path = write_e57(tmp_path / "d.e57", POINTS, RGB)
    rewrite_xml(path, b"<e57Root", b"<!ENTITY")
    refused(path, r"has a document type")


def test_e57_with_points_far_apart_in_its_grid(tmp_path: Path) -> None:
    sparse = np.full((60, 60, 3), np.nan)
    sparse[0, 0] = sparse[59, 59] = 0.5
    refused(write_e57(tmp_path / "c.e57", sparse), r"has 2 points in 60 x 60 rows and columns")


@pytest.mark.parametrize(("at", "value"), [(16, 2**60), (24, 2**60), (32, 2**40), (40, 2**40)])
def test_e57_whose_header_lies(tmp_path: Path, at: int, value: int) -> None:
    path = write_e57(tmp_path / "c.e57", POINTS)
    patch(path, at, "<Q", value)
    refused(path, r"is truncated|bytes of XML")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"messages": 0}, r"has 0 PointCloud2 messages: .*rs-convert"),
        ({"messages": 2}, r"has 2 PointCloud2 messages"),
        ({"compressed": True}, r"is compressed: run rosbag decompress"),
        ({"width": 4_000_000_000}, r"claims 20000000000 points"),
        ({"width": 7}, r"is truncated"),
        ({"point_step": 8}, r"is truncated"),
        ({"row_step": 3}, r"is truncated"),
        ({"fields": []}, r"has 0 properties 'x'"),
        ({"data": np.zeros(10, np.uint8)}, r"is truncated"),
    ],
)
def test_bags_that_are_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    refused(write_bag(tmp_path / "c.bag", POINTS, RGB, **changes), match)


def test_zdf_that_leads_elsewhere(tmp_path: Path) -> None:
    """Links to another file, and data that lies in one, are not followed."""
    write_zdf(tmp_path / "other.zdf", POINTS, RGBA)
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(5 * 6 * 12))
    with h5py.File(tmp_path / "link.zdf", "w") as file:
        file["data"] = h5py.ExternalLink("other.zdf", "data")
    with h5py.File(tmp_path / "soft.zdf", "w") as file:
        file.create_group("data")["pointcloud"] = h5py.ExternalLink("other.zdf", "data/pointcloud")
    with h5py.File(tmp_path / "raw.zdf", "w") as file:
        external = [(str(secret), 0, 5 * 6 * 12)]
        group = file.create_group("data")
        group.create_dataset("pointcloud", (5, 6, 3), np.float32, external=external)
    refused(tmp_path / "link.zdf", r"no group data")
    refused(tmp_path / "soft.zdf", r"no pointcloud of its own")
    refused(tmp_path / "raw.zdf", r"no pointcloud of its own")


@pytest.mark.parametrize(
    ("shape", "dtype", "match"),
    [
        ((4096, 4096, 3), "f4", r"is truncated"),  # 200 MB that are nowhere
        ((4097, 4096, 3), "f4", r"claims 4097 x 4096 pixels, over 16777216 in all"),
        ((9000, 2, 3), "f4", r"claims 9000 x 2 pixels"),
        ((5, 6), "f4", r"shape \(5, 6\)"),
        ((5, 6, 3), "i4", r"type int32"),
    ],
)
def test_zdf_of_another_shape(tmp_path: Path, shape: Any, dtype: str, match: str) -> None:
    with h5py.File(tmp_path / "c.zdf", "w") as file:
        group = file.create_group("data")
        group.create_dataset("pointcloud", shape, dtype, chunks=True)
    refused(tmp_path / "c.zdf", match)


def test_zdf_whose_chunk_inflates_to_more(tmp_path: Path) -> None:
    """One stored chunk of a valid Deflate stream that is far longer than the chunk."""
    with h5py.File(tmp_path / "c.zdf", "w") as file:
        group = file.create_group("data")
        points = group.create_dataset(
            "pointcloud", (5, 6, 3), "f4", chunks=(5, 6, 3), compression="gzip"
        )
        points.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(50_000_000)))
    refused(tmp_path / "c.zdf", r"cannot be read|inflates")


@pytest.mark.parametrize("kind", [*ORGANISED, "las"])
def test_damaged_byte_is_refused_or_read(tmp_path: Path, kind: str) -> None:
    """Nothing but a map or a DataError comes of a wrong byte, wherever it is."""
    whole = tmp_path / f"whole.{kind}"
    if kind in ORGANISED:
        ORGANISED[kind](whole)
    else:
        write_las(whole, SPREAD[0], RGB[0, :3].astype(np.uint16))
    content, rng = whole.read_bytes(), np.random.default_rng(3)
    path = tmp_path / f"c.{kind}"
    for at in rng.integers(len(content), size=60):
        damaged = bytearray(content)
        damaged[at] ^= rng.integers(1, 256)
        path.write_bytes(damaged)
        try:
            points = read_organised(path, camera=CAMERA).points
        except DataError:
            continue
        assert np.isfinite(points).all()
