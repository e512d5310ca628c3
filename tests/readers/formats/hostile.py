"""What tests of hostile files share: files that lie, and the check of a refusal."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.calibration import Calibration
from mentor3ad.readers.formats.geometry import Camera, read_geometry

POINTS = np.random.default_rng(0).uniform(0.25, 0.75, (12, 3)).astype(np.float32)
MAP = POINTS.reshape(3, 4, 3)
CAMERA = Camera(4.0, 4.0, 0.0, 0.0, 8, 8)
XYZ = tuple(f"property float {axis}" for axis in "xyz")
FORMS = ("ascii", "binary_little_endian", "binary_big_endian")

_MOST_MEMORY = 2 * 2**20  # bytes; a file of some KiB must not cost more


def refused(path: Path, match: str, camera: Calibration = CAMERA) -> None:
    """The file is refused in one sentence that matches, before memory is taken."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=match) as error:
            read_geometry(path, camera=camera)
        assert tracemalloc.get_traced_memory()[1] < _MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)


def ply(path: Path, *lines: str, form: str = "binary_little_endian", body: bytes = b"") -> Path:
    header = ["ply", f"format {form} 1.0", *lines, "end_header", ""]
    path.write_bytes("\n".join(header).encode() + body)
    return path


def range_grid(path: Path, cells: list[list[int]], form: str, size: tuple[int, int]) -> Path:
    """Stanford's range grid of `POINTS`; each cell lists the indices of its vertices."""
    if form == "ascii":
        vertices = "".join(f"{x} {y} {z}\n" for x, y, z in POINTS)
        lists = "".join(f"{' '.join(map(str, [len(cell), *cell]))}\n" for cell in cells)
        body = (vertices + lists).encode()
    else:
        order = "<" if "little" in form else ">"
        body = POINTS.astype(order + "f4").tobytes() + b"".join(
            struct.pack(f"{order}B{len(cell)}i", len(cell), *cell) for cell in cells
        )
    sides = (f"obj_info num_cols {size[1]}", f"obj_info num_rows {size[0]}")
    vertex = (f"element vertex {len(POINTS)}", *XYZ)
    grid = (f"element range_grid {len(cells)}", "property list uchar int vertex_indices")
    return ply(path, *sides, *vertex, *grid, form=form, body=body)
