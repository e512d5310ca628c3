"""PLY whose header, text or range grid lies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mentor3ad.readers.formats.geometry import read_geometry
from tests.readers.formats.hostile import FORMS, POINTS, XYZ, ply, range_grid, refused


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("element vertex 9000000", *XYZ), "is truncated"),
        (("element vertex 99999999999", *XYZ), "claims 99999999999 points"),
        (("element vertex 0", *XYZ), "claims 0 points"),
        (("element vertex -4", *XYZ), "has the line 'element vertex -4'"),
        (("element vertex " + "9" * 5000, *XYZ), "has the line 'element vertex 999"),
        (("element vertex many", *XYZ), "has the line 'element vertex many'"),
        (("element vertex 4", *XYZ[:2]), "has 0 properties 'z'"),
        (("element vertex 4", *XYZ, XYZ[0]), "has 2 properties 'x'"),
        (("element vertex 4", "property list uchar float x", *XYZ[1:]), "lists on its vertices"),
        (("element vertex 4", *XYZ, *["property char a"] * 300), "claims over 256 properties"),
        (("element vertex 4", "property quad x"), "property of type 'quad'"),
        (("property float x", "element vertex 4"), "has the line 'property float x'"),
        (("element vertex 4", *XYZ, "element vertex 4"), "has 2 vertex elements"),
        (("element face 4", "property list uchar int i"), "has 0 vertex elements"),
        (("element a 1", "property list uchar int i", "element vertex 4", *XYZ), "lists before"),
        (("element a 9000000", "property int i", "element vertex 4", *XYZ), "is truncated"),
        (("width 3", "height 4", "element vertex 4", *XYZ), "claims 4 x 3 pixels but 4 points"),
        (("width 60000", "height 1", "element vertex 60000", *XYZ), "claims 1 x 60000 pixels"),
        (("width 3", "comment width 4", "element vertex 4", *XYZ), "names two widths, 3 and 4"),
    ],
)
def test_ply_header_that_lies(tmp_path: Path, lines: tuple[str, ...], why: str) -> None:
    refused(ply(tmp_path / "p.ply", *lines, body=POINTS[:4].tobytes()), rf"p\.ply .*{why}")


@pytest.mark.parametrize("form", ["binary_middle_endian", "ascii 2.0 #", ""])
def test_ply_of_unknown_format(tmp_path: Path, form: str) -> None:
    refused(ply(tmp_path / "p", "element vertex 4", *XYZ, form=form), "has no format that we read")


@pytest.mark.parametrize(
    "content", [b"ply\n", b"ply\n" + b"comment a\n" * 9000, b"plyx\nend_header\n"]
)
def test_ply_without_a_whole_header(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    refused(tmp_path / "p", "no whole PLY header")


TEXTS = [
    (b"1 2 3\n" * 3, "is truncated"),
    (b" \n" * 40, "is truncated"),
    (b"1 2 3\n\n\n\n\n\n\n\n\n\n\n\n4 5 6\n", "is truncated"),
    (b"1.0 2.0 3.0\n1.0 2.0\n1.0 2.0 3.0\n", "cannot be read"),
    (b"1.0 2.0 3.0\n1.0 2.0 x\n1.0 2.0 3.0\n", "cannot be read"),
    (b"\xff\0" * 40, "cannot be read"),
]


@pytest.mark.parametrize(("body", "why"), TEXTS)
def test_text_that_is_no_table(tmp_path: Path, body: bytes, why: str) -> None:
    refused(ply(tmp_path / "p", "element vertex 4", *XYZ, form="ascii", body=body), why)


@pytest.mark.parametrize("form", FORMS)
def test_range_grid(tmp_path: Path, form: str) -> None:
    cells = [[], [3], [0], [], [11], []]
    found = read_geometry(range_grid(tmp_path / "p", cells, form, (2, 3)))
    expected = np.zeros((2, 3, 3), np.float32)
    expected[0, 1], expected[0, 2], expected[1, 1] = POINTS[3], POINTS[0], POINTS[11]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([[], [12], [], [], [], []], "an index that none of its vertices has"),
        ([[], [-1], [], [], [], []], "an index that none of its vertices has"),
        ([[], [1, 2], [], [], [], []], "a cell, 1, that is not a list of no or one"),
        ([[], []], "claims 2 x 3 pixels but 2 points"),
    ],
)
def test_range_grid_that_lies(tmp_path: Path, form: str, cells: Any, why: str) -> None:
    refused(range_grid(tmp_path / "p", cells, form, (2, 3)), why)


@pytest.mark.parametrize("form", FORMS)
def test_range_grid_cut_short(tmp_path: Path, form: str) -> None:
    path = range_grid(tmp_path / "p", [[]] * 5 + [[1]], form, (2, 3))
    path.write_bytes(path.read_bytes()[: -6 if form == "ascii" else -5])
    refused(path, "fewer cells in its range_grid than it claims|not a list of no or one")
