"""The content hash sees every file of a scan and nothing of their names."""

from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.content import content_sha256


def test_hash_sees_every_file_and_where_one_ends(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    scan = ScanFiles("test/cut/0", "test", "cut", 1, *paths)
    hashes = set()
    for contents in (b"1", b"2", b"3"), (b"12", b"", b"3"), (b"2", b"1", b"3"), (b"1", b"2", b"4"):
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        hashes.add(content_sha256(scan))
    assert len(hashes) == 4


def files(folder: Path, **sidecars: bytes) -> ScanFiles:
    """A scan of two files and sidecars with these bytes."""
    folder.mkdir()
    contents = {"rgb": b"1", "points": b"2", **sidecars}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    paths = {name: folder / name for name in sidecars}
    return ScanFiles("1", "train", "good", 0, folder / "rgb", folder / "points", None, paths)


def test_hash_sees_what_a_sidecar_holds_and_is_for(tmp_path: Path) -> None:
    scans = [
        files(tmp_path / "none"),
        files(tmp_path / "pose", pose=b"3"),
        files(tmp_path / "other", pose=b"4"),
        files(tmp_path / "camera", camera=b"3"),
        files(tmp_path / "two", camera=b"3", pose=b"3"),
    ]
    assert len({content_sha256(scan) for scan in scans}) == 5


def test_hash_does_not_see_names(tmp_path: Path) -> None:
    one, two = (files(tmp_path / name, pose=b"3", camera=b"4") for name in "ab")
    backwards = dict(reversed(two.sidecars.items()))
    other = replace(two, id="9", split="test", label=1, defect="cut", sidecars=backwards)
    assert content_sha256(one) == content_sha256(other)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    scan = files(tmp_path / "a")
    scan.points.unlink()
    with pytest.raises(DataError, match="points cannot be read"):
        content_sha256(scan)
