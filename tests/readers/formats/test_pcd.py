"""PCD whose header, text or LZF stream lies."""

import struct
from pathlib import Path
from typing import Any

import pytest

from testbed.raw_files import PCD_STORAGES, write_pcd
from tests.readers.formats.hostile import POINTS, refused
from tests.readers.formats.test_ply import TEXTS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"POINTS": "13"}, "claims 3 x 4 pixels but 13 points"),
        ({"WIDTH": "-4"}, "has WIDTH -4"),
        ({"HEIGHT": ""}, "has HEIGHT nowhere"),
        ({"WIDTH": "60000", "HEIGHT": "2", "POINTS": "120000"}, "claims 2 x 60000 pixels"),
        ({"WIDTH": "4000", "HEIGHT": "4000", "POINTS": "16000000"}, "truncated|holds 192 bytes"),
        ({"FIELDS": "rgb x y i"}, "has 0 properties 'z'"),
        ({"FIELDS": "rgb x y"}, "FIELDS, SIZE, TYPE and COUNT of different lengths"),
        ({"TYPE": "U F F Q"}, "has z of type Q, size 4"),
        ({"SIZE": "2 4 4 3"}, "has z of type F, size 3"),
        ({"COUNT": "2 1 1 -1"}, "has z of type F, size 4, count -1"),
        ({"COUNT": "2 1 1 2"}, "has 1 properties 'z'"),
        ({"COUNT": "99999 1 1 1"}, "claims 4 properties of 200010 bytes"),
        ({"DATA": "gzip"}, "has DATA gzip"),
    ],
)
@pytest.mark.parametrize("storage", PCD_STORAGES)
def test_pcd_header_that_lies(tmp_path: Path, storage: str, changes: Any, why: str) -> None:
    refused(write_pcd(tmp_path / "p", POINTS, storage, (3, 4), **changes), why)


def test_pcd_without_data(tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"# .PCD v.7\nFIELDS x y z\n" + b"# a\n" * 20000)
    refused(tmp_path / "p", "has no DATA line")


@pytest.mark.parametrize("storage", PCD_STORAGES)
def test_pcd_cut_short(tmp_path: Path, storage: str) -> None:
    path = write_pcd(tmp_path / "p", POINTS, storage, (3, 4))
    path.write_bytes(path.read_bytes()[:-40])
    refused(path, r"is truncated|cannot be read")


def test_compressed_pcd_that_claims_too_much(tmp_path: Path) -> None:
    path = write_pcd(tmp_path / "p", POINTS, "binary_compressed", WIDTH="8000000", POINTS="8000000")
    at = path.read_bytes().index(b"binary_compressed\n") + 18
    content = bytearray(path.read_bytes())
    content[at + 4 : at + 8] = struct.pack("<I", 8000000 * 16)
    path.write_bytes(content)
    refused(path, "is truncated")


@pytest.mark.parametrize(("body", "why"), TEXTS)
def test_text_that_is_no_table(tmp_path: Path, body: bytes, why: str) -> None:
    plain = {"FIELDS": "x y z", "COUNT": "1 1 1", "SIZE": "4 4 4", "TYPE": "F F F"}
    path = write_pcd(tmp_path / "p", POINTS[:4], "ascii", **plain)
    head, line, _ = path.read_bytes().partition(b"DATA ascii\n")
    path.write_bytes(head + line + body)
    refused(path, why)
