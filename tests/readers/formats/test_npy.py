"""NPY and NPZ whose headers lie, and what NumPy would unpickle."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.readers.formats.hostile import MAP, refused


def npy_bytes(shape: str, descr: str = "'<f4'", body: bytes = b"\0" * 64) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


NPY_LIES = [
    ("(4000, 4000, 3)", "'<f4'", "cannot be read|of a false size"),
    ("(60000, 60000, 3)", "'<f4'", "claims 60000 x 60000|cannot be read"),
    ("(99999999999, 99999999999, 3)", "'<f8'", "claims|cannot be read"),
    ("(-4, 4, 3)", "'<f4'", "claims|cannot be read"),
    ("(2, 2, 3)", "'|O'", "cannot be read|is object"),
    ("(2, 2, 3)", "'<U9'", "cannot be read|is <U9"),
    ("(2, 2, 3)", "[('a', '<f4')]", r"cannot be read|is \[\('a'"),
    ("(2, 2, 4)", "'<f4'", r"has shape \(2, 2, 4\)"),
    ("(16,)", "'<f4'", r"has shape \(16,\)"),
    ("(1, 1, 4, 4)", "'<f4'", r"has shape \(1, 1, 4, 4\)"),
    ("__import__('os')", "'<f4'", "cannot be read"),
]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("shape", "descr", "why"), NPY_LIES)
def test_npy_that_lies(tmp_path: Path, shape: str, descr: str, why: str, zipped: bool) -> None:
    content = npy_bytes(shape, descr)
    if zipped:
        with zipfile.ZipFile(tmp_path / "p", "w") as archive:
            archive.writestr("xyz.npy", content)
    else:
        (tmp_path / "p").write_bytes(content)
    refused(tmp_path / "p", why)


def test_pickle_in_npy_is_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.array([[{}]], object), allow_pickle=True)
    refused(tmp_path / "p.npy", "cannot be read")


def npz(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_npz_bomb(tmp_path: Path) -> None:
    content = npy_bytes("(2, 2, 3)", body=b"\0" * 2**21)
    path = npz(tmp_path / "p", {"xyz.npy": content}, compression=zipfile.ZIP_DEFLATED)
    refused(path, r"has xyz\.npy of a false size")


def test_npz_that_claims_what_it_cannot_inflate_to(tmp_path: Path) -> None:
    path = npz(tmp_path / "p", {"xyz.npy": npy_bytes("(4000, 4000, 3)", body=b"")})
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 24
    size = struct.unpack("<I", content[at : at + 4])[0] + 4000 * 4000 * 12
    path.write_bytes(content[:at] + struct.pack("<I", size) + content[at + 4 :])
    refused(path, "of a false size")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, "has 0 arrays of shape"),
        ({"a.npy": saved(MAP), "b.npy": saved(MAP)}, "has 2 arrays of shape"),
        ({"xyz.npy": saved(MAP), "points.npy": saved(MAP)}, "has 2 arrays of shape"),
        ({"a.npy": saved(MAP[..., 0])}, "has 0 arrays of shape"),
        ({"xyz.npy": saved(MAP[..., 0])}, r"has xyz\.npy of shape \(3, 4\)"),
        ({"xyz.npy": b"no array"}, "cannot be read"),
    ],
)
def test_npz_without_its_array(tmp_path: Path, members: dict[str, bytes], why: str) -> None:
    path = npz(tmp_path / "p", members)
    path.write_bytes(path.read_bytes() if members else b"PK\x03\x04" + path.read_bytes())
    refused(path, why)


def test_npz_packed_by_other_means(tmp_path: Path) -> None:
    path = npz(tmp_path / "p", {"xyz.npy": saved(MAP)}, compression=zipfile.ZIP_BZIP2)
    refused(path, "compressed by other means")
