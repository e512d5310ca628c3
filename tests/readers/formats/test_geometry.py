"""Every form of geometry gives the same organised map, and each refusal names the remedy."""

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
from mentor3ad.readers.formats.geometry import Camera, read_geometry
from testbed.raw_files import PCD_STORAGES, PLY_FORMATS, png_bytes, write_pcd, write_ply

PROPERTY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIZES = st.tuples(st.integers(2, 9), st.integers(1, 9))
CAMERA = Camera(fx=50.0, fy=60.0, cx=3.5, cy=2.0, width=8, height=6)
DEPTH = np.random.default_rng(0).uniform(0.3, 0.9, (6, 8)).astype(np.float32)
DEPTH[1, 2] = DEPTH[5, 7] = 0
INVALID = [np.nan, np.inf, -np.inf]


def maps(height: int, width: int) -> st.SearchStrategy[Any]:
    """Organised maps in metres, (0, 0, 0) here and there."""
    sides = arrays(np.float32, (height, width, 2), elements=st.floats(-1, 1, width=32))
    depth = arrays(np.float32, (height, width, 1), elements=st.sampled_from([0, 0.25, 0.6, 1.1]))
    return st.tuples(sides, depth).map(_join)


def _join(parts: tuple[Any, Any]) -> Any:
    sides, depth = parts
    return np.where(depth > 0, np.concatenate([sides, depth], axis=-1), 0).astype(np.float32)


MAPS = SIZES.flatmap(lambda size: maps(*size))


def pinhole(depth: Any, camera: Camera = CAMERA) -> Any:
    """(H, W, 3) by a loop, as plain as the formula."""
    points = np.zeros((*depth.shape, 3))
    for v, u in np.ndindex(*depth.shape):
        z = float(depth[v, u])
        points[v, u] = (u - camera.cx) * z / camera.fx, (v - camera.cy) * z / camera.fy, z
    return points


def grid_lines(points: Any, style: str) -> tuple[str, ...]:
    height, width = points.shape[:2]
    return {
        "stanford": (f"obj_info num_cols {width}", f"obj_info num_rows {height}"),
        "comment": (f"comment width {width}", f"comment Height: {height}"),
        "bare": (f"width {width}", f"height {height}"),
    }[style]


@PROPERTY
@given(points=MAPS, form=st.sampled_from(sorted(PLY_FORMATS)), dtype=st.sampled_from(["f4", "f8"]))
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_organised_ply(tmp_path: Path, points: Any, form: str, dtype: str, newline: str) -> None:
    lines = grid_lines(points, "stanford")
    path = write_ply(tmp_path / "p", points.reshape(-1, 3), form, lines, dtype, newline)
    np.testing.assert_array_equal(read_geometry(path), points)


@pytest.mark.parametrize("style", ["stanford", "comment", "bare"])
def test_grid_of_a_ply_header(tmp_path: Path, style: str) -> None:
    points = pinhole(DEPTH).astype(np.float32)
    lines = grid_lines(points, style)
    path = write_ply(tmp_path / "p.ply", points.reshape(-1, 3), lines=lines)
    np.testing.assert_array_equal(read_geometry(path), points)


@PROPERTY
@given(points=MAPS, storage=st.sampled_from(PCD_STORAGES))
def test_organised_pcd(tmp_path: Path, points: Any, storage: str) -> None:
    path = write_pcd(tmp_path / "p", points.reshape(-1, 3), storage, points.shape[:2])
    np.testing.assert_array_equal(read_geometry(path), points)


@PROPERTY
@given(points=MAPS, dtype=st.sampled_from(["<f4", ">f4", "<f8"]), fortran=st.booleans())
def test_npy(tmp_path: Path, points: Any, dtype: str, fortran: bool) -> None:
    np.save(tmp_path / "p.npy", points.astype(dtype, order="F" if fortran else "C"))
    np.testing.assert_array_equal(read_geometry(tmp_path / "p.npy"), points)


@PROPERTY
@given(points=MAPS, packed=st.booleans(), name=st.sampled_from(["xyz", "points", "anything"]))
def test_npz(tmp_path: Path, points: Any, packed: bool, name: str) -> None:
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "p.npz", **{name: points, "intensity": points[..., 0], "label": "a"})
    np.testing.assert_array_equal(read_geometry(tmp_path / "p.npz"), points)


@PROPERTY
@given(
    points=MAPS,
    options=st.sampled_from([{}, {"compression": "zlib"}, {"byteorder": ">"}, {"tile": (16, 16)}]),
    dtype=st.sampled_from(["float32", "float64"]),
    planar=st.booleans(),
)
def test_tiff(tmp_path: Path, points: Any, options: Any, dtype: str, planar: bool) -> None:
    stored = np.moveaxis(points, -1, 0) if planar else points
    how = {"planarconfig": "separate" if planar else "contig", **options}
    tifffile.imwrite(tmp_path / "p.tif", stored.astype(dtype), photometric="rgb", **how)
    np.testing.assert_array_equal(read_geometry(tmp_path / "p.tif"), points)


@pytest.mark.parametrize("value", INVALID)
@pytest.mark.parametrize("form", ["tif", "npy", "npz", "ascii", "binary_big_endian", "pcd"])
def test_not_finite_is_no_return(tmp_path: Path, form: str, value: float) -> None:
    points = pinhole(DEPTH).astype(np.float32)
    marked = points.copy()
    marked[3, 4, 1] = value
    path, lines = tmp_path / "p", grid_lines(points, "stanford")
    if form == "tif":
        tifffile.imwrite(path, marked, photometric="rgb")
    elif form in ("npy", "npz"):
        with path.open("wb") as file:
            np.save(file, marked) if form == "npy" else np.savez(file, marked)
    elif form == "pcd":
        write_pcd(path, marked.reshape(-1, 3), "ascii", (6, 8))
    else:
        write_ply(path, marked.reshape(-1, 3), form, lines)
    points[3, 4] = 0
    np.testing.assert_array_equal(read_geometry(path), points)


def write_depth(path: Path, form: str, depth: Any) -> Path:
    if form == "png":
        path.write_bytes(png_bytes(depth[..., None], 0))
    elif form == "npy":
        with path.open("wb") as file:
            np.save(file, depth)
    elif form == "lzw":
        Image.fromarray(depth).save(path, format="TIFF", compression="tiff_lzw")
    else:
        tifffile.imwrite(path, depth, photometric="minisblack")
    return path


def off_axis(points: Any) -> Any:
    """Of a return on the camera's axis a coordinate is a nanometre: 0 would make it background."""
    return np.where((points == 0) & (points[..., 2:] > 0), 1e-9, points)


def test_the_row_and_column_through_the_centre_are_kept(tmp_path: Path) -> None:
    """Foreground needs three coordinates that are not 0, by the published rule."""
    camera = Camera(50.0, 60.0, 3.0, 2.0, 8, 6)
    points = read_geometry(write_depth(tmp_path / "d", "npy", DEPTH), camera=camera)
    np.testing.assert_array_equal(points.all(axis=-1), DEPTH > 0)


@pytest.mark.parametrize("form", ["png", "npy", "tif", "lzw"])
def test_depth_counts(tmp_path: Path, form: str) -> None:
    counts = np.round(DEPTH * 4000).astype(np.uint16)
    camera = Camera(50.0, 60.0, 3.5, 2.0, 8, 6, depth_scale=0.25)
    points = read_geometry(write_depth(tmp_path / "d", form, counts), units="mm", camera=camera)
    expected = off_axis(pinhole(counts * 0.00025))
    np.testing.assert_allclose(points, expected, rtol=1e-6, atol=0)
    assert points.dtype == np.dtype(np.float32)


@pytest.mark.parametrize("form", ["npy", "tif", "lzw"])
def test_depth_in_floats_is_not_scaled(tmp_path: Path, form: str) -> None:
    camera = Camera(50.0, 60.0, 3.5, 2.0, 8, 6, depth_scale=7.0)
    points = read_geometry(write_depth(tmp_path / "d", form, DEPTH), camera=camera)
    np.testing.assert_allclose(points, off_axis(pinhole(DEPTH)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("value", INVALID)
def test_depth_that_is_not_finite_is_no_return(tmp_path: Path, value: float) -> None:
    depth = DEPTH.copy()
    depth[0, 0] = value
    points = read_geometry(write_depth(tmp_path / "d", "npy", depth), camera=CAMERA)
    np.testing.assert_array_equal(points[0, 0], [0, 0, 0])


def test_depth_needs_a_camera(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d\.npy is a depth image: give the camera"):
        read_geometry(write_depth(tmp_path / "d.npy", "npy", DEPTH))


def test_depth_of_another_camera(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d is 5 x 8 pixels but its camera has 6 x 8"):
        read_geometry(write_depth(tmp_path / "d", "npy", DEPTH[:5]), camera=CAMERA)


@pytest.mark.parametrize("form", ["ply", "ascii", "pcd"])
def test_cloud_of_a_map_gives_the_map_back(tmp_path: Path, form: str) -> None:
    points = pinhole(DEPTH).astype(np.float32)
    cloud = np.random.default_rng(1).permutation(points.reshape(-1, 3))
    if form == "pcd":
        path = write_pcd(tmp_path / "p", cloud, "binary_compressed")
    else:
        path = write_ply(tmp_path / "p", cloud, "ascii" if form == "ascii" else "binary_big_endian")
    np.testing.assert_array_equal(read_geometry(path, camera=CAMERA), points)


@pytest.mark.parametrize("units", ["m", "mm"])
def test_unit(tmp_path: Path, units: Any) -> None:
    points = pinhole(DEPTH)
    np.save(tmp_path / "p.npy", points * (1000 if units == "mm" else 1))
    found = read_geometry(tmp_path / "p.npy", units=units)
    np.testing.assert_allclose(found, points, rtol=1e-7, atol=0)


def test_millimetres_taken_for_metres(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", pinhole(DEPTH) * 1000)
    with pytest.raises(DataError, match=r"up to 8\d\d.* m: the units look wrong, .* to be m\."):
        read_geometry(tmp_path / "p.npy")


def test_points_behind_the_camera(tmp_path: Path) -> None:
    points = pinhole(DEPTH)
    points[2, :3, 2] *= -1
    np.save(tmp_path / "p.npy", points)
    with pytest.raises(DataError, match=r"has 3 points with z <= 0: the units look wrong"):
        read_geometry(tmp_path / "p.npy")


def test_unorganised_cloud_needs_a_camera(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "p.ply", pinhole(DEPTH).reshape(-1, 3))
    with pytest.raises(
        DataError, match=r"is an unorganised cloud, a list of \d+ points .*: give the camera"
    ):
        read_geometry(path)


def test_cloud_beside_the_image(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "p.ply", np.array([[9.0, 9.0, 1.0]]))
    with pytest.raises(DataError, match="no point in the camera's image: check the pose"):
        read_geometry(path, camera=CAMERA)


def test_cloud_without_a_return(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "p.ply", np.array([[0, 0, 0], [np.nan, 0, 1]]))
    with pytest.raises(DataError, match="has no point with a return"):
        read_geometry(path, camera=CAMERA)


@pytest.mark.parametrize("content", [b"", b"P5 4 4 255", b"\xff\xd8\xff\xe0", b"v 1 2 3\n"])
def test_foreign_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p.ply").write_bytes(content)
    with pytest.raises(DataError, match=r"p\.ply is none of "):
        read_geometry(tmp_path / "p.ply")


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path, tmp_path / "no.ply", tmp_path / "loop"):
        with pytest.raises(DataError, match="does not exist or is not a file"):
            read_geometry(path)
