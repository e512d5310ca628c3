"""The registry of formats: one line makes a format known everywhere."""

from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.registry import FORMATS, GEOMETRY_SUFFIXES, has_colour, read_values
from tests.paths import ROOT


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_on_the_page_of_layouts(name: str) -> None:
    page = (ROOT / "docs/data-layouts.md").read_text("utf-8")
    assert {"BAG": ".bag"}.get(name, name) in page


def test_signatures_and_suffixes_are_each_of_one_format() -> None:
    signatures = [signature for one in FORMATS.values() for signature in one.signatures]
    assert len(set(signatures)) == len(signatures)
    assert len(GEOMETRY_SUFFIXES) == sum(len(one.suffixes) for one in FORMATS.values())
    assert [one.name for one in FORMATS.values() if not one.signatures] == ["CSV"]


@pytest.mark.parametrize(
    ("head", "reader"),
    [
        (b"#ROSBAG V2.0\n", "rosbag|record|cannot be read"),  # and not PCD's comment
        (b"# .PCD v0.7\n", "no DATA line"),
        (b"ply\n", "no whole PLY header"),
        (b"\x89HDF\r\n\x1a\n", "cannot be read|formats"),
        (b"LASF", "is truncated"),
    ],
)
def test_the_longest_signature_decides(tmp_path: Path, head: bytes, reader: str) -> None:
    (tmp_path / "c.xyz").write_bytes(head)
    with pytest.raises(DataError, match=reader):
        read_values(tmp_path / "c.xyz")
    assert not has_colour(tmp_path / "c.xyz")
