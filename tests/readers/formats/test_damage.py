"""Any byte of any file may be wrong, and any file may end anywhere."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.geometry import read_geometry
from testbed.raw_files import (
    PCD_STORAGES,
    png_bytes,
    write_coloured_pcd,
    write_coloured_ply,
    write_gocator,
    write_pcd,
    write_ply,
)
from tests.readers.formats.hostile import CAMERA, FORMS, MAP, POINTS, range_grid


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One small file of each kind."""
    folder = tmp_path_factory.mktemp("samples")
    paths = [write_pcd(folder / s, POINTS, s, (3, 4)) for s in PCD_STORAGES]
    lines = ("obj_info num_cols 4", "obj_info num_rows 3")
    paths += [write_ply(folder / f"{form}.ply", POINTS, form, lines) for form in FORMS]
    paths += [range_grid(folder / f"{form}.grid", [[1], []] * 3, form, (2, 3)) for form in FORMS]
    np.save(folder / "a.npy", MAP)
    np.savez_compressed(folder / "a.npz", MAP)
    tifffile.imwrite(folder / "a.tif", MAP, photometric="rgb", compression="zlib")
    (folder / "a.png").write_bytes(png_bytes(np.full((8, 8, 1), 2, np.uint16), 0))
    write_gocator(folder / "a.csv", np.arange(12.0).reshape(3, 4) - 5, (0.3, 0.5))
    np.savetxt(folder / "b.csv", MAP[..., 2], delimiter=";")
    rgb = np.full(MAP.shape, 70, np.uint8)
    write_coloured_ply(folder / "c.ply", MAP, rgb, "ascii")
    write_coloured_pcd(folder / "c.pcd", MAP, rgb, "binary_compressed")
    names = ("a.npy", "a.npz", "a.tif", "a.png", "a.csv", "b.csv", "c.ply", "c.pcd")
    paths += [folder / name for name in names]
    return [path.read_bytes() for path in paths]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    which=st.integers(0, 16),
    where=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
    cut=st.booleans(),
)
def test_damaged_byte_is_refused_or_read(
    tmp_path: Path, contents: list[bytes], which: int, where: float, flip: int, cut: bool
) -> None:
    """Whatever byte is wrong or last: a map or a DataError, nothing else."""
    path = tmp_path / "damaged"
    content = bytearray(contents[which])
    at = int(where * len(content))
    content[at] ^= flip
    path.write_bytes(content[:at] if cut else content)
    try:
        points = read_geometry(path, camera=CAMERA)
    except DataError:
        return
    assert points.shape[2] == 3
    assert np.isfinite(points).all()
