"""NumPy's NPY and NPZ, without pickle."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import check_side, decoding
from .format import Format
from .records import Cloud, check_count

_NAMES = ("xyz", "points")
_LONGEST_HEADER = 16384  # bytes; NumPy itself accepts 10,000
_DEFLATE_RATIO = 1032  # no Deflate stream inflates by more


def read_npy(path: Path) -> NDArray[Any] | Cloud:
    """(H, W, 3) or (H, W) of floats or integers, as they are stored; of (N, 3) a cloud.

    Raises:
        DataError: damaged, truncated, objects, another shape or dtype, or a side over `MAX_SIDE`.
    """
    with decoding(path):
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(mapped, np.ndarray):
            raise DataError(f"{path} is an NPZ archive: give it the suffix .npz.")
        _check_array(path, mapped.shape, mapped.dtype)
        return _cloud_or_grid(np.array(mapped))


def read_npz(path: Path) -> NDArray[Any] | Cloud:
    """(H, W, 3) of the one array named xyz or points, or else of the only one of that shape; of
    (N, 3) a cloud.

    Raises:
        DataError: damaged, truncated, no such array or several, objects, another dtype, a side
            over `MAX_SIDE`, or a member that inflates to more than its header claims.
    """
    with decoding(path), zipfile.ZipFile(path) as archive:
        member = _choose(path, archive)
        shape, dtype, start = _read_header(archive, member)
        _check_array(path, shape, dtype)
        if len(shape) != 3 and not _is_list(shape):
            raise DataError(f"{path} has {member.filename} of shape {shape}: save it as (H, W, 3).")
        n_bytes = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        packed = min(member.compress_size, path.stat().st_size)
        if member.file_size != n_bytes or packed * _DEFLATE_RATIO < n_bytes:
            raise DataError(f"{path} has {member.filename} of a false size: save it again.")
        with archive.open(member) as stream:
            return _cloud_or_grid(npy_format.read_array(stream, allow_pickle=False))


def _choose(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    chosen = [info for info in members if PurePosixPath(info.filename).stem in _NAMES]
    if not chosen:
        chosen = [info for info in members if _is_xyz(archive, info)]
    if len(chosen) != 1:
        raise DataError(
            f"{path} has {len(chosen)} arrays of shape (H, W, 3) or named xyz or points: "
            "save just one, named xyz."
        )
    return chosen[0]


def _is_xyz(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    shape, dtype, _ = _read_header(archive, member)
    return len(shape) == 3 and shape[2] == 3 and dtype.kind in "fiu"


def _read_header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and where the data starts."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is compressed by other means than Deflate")
    with archive.open(member) as stream:
        head = io.BytesIO(stream.read(_LONGEST_HEADER))
    version = npy_format.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{member.filename} is of NPY version {version}")
    read = npy_format.read_array_header_1_0 if version[0] == 1 else npy_format.read_array_header_2_0
    shape, _, dtype = read(head)
    return shape, dtype, head.tell()


def _check_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiu" or dtype.itemsize not in (2, 4, 8):
        raise DataError(f"{path} is {dtype}: save it as float32.")
    if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise DataError(f"{path} has shape {shape}: save x, y, z as (H, W, 3) or depth as (H, W).")
    if _is_list(shape):
        check_count(path, shape[0], None)
    else:
        check_side(path, shape[0], shape[1])


def _is_list(shape: tuple[int, ...]) -> bool:
    """Whether an array is a list of points: no sensor has a depth image of three columns."""
    return len(shape) == 2 and shape[1] == 3


def _cloud_or_grid(values: NDArray[Any]) -> NDArray[Any] | Cloud:
    return Cloud(values, None) if _is_list(values.shape) else values


NPY = Format("NPY", frozenset({".npy"}), (b"\x93NUMPY",), read_npy)
NPZ = Format("NPZ", frozenset({".npz"}), (b"PK\x03\x04",), read_npz)
