"""What later stages need of scans: read back as written, and refused where it is another's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.bitmaps import pack_bits
from mentor3ad.dataset.manifest import FOREGROUND_FILE, SCHEMA, Manifest, seal_prepared
from mentor3ad.exhibits.store import (
    PICTURES_FILE,
    POINTS_FILE,
    Exhibit,
    Exhibits,
    writing_exhibits,
)
from mentor3ad.plumbing.errors import CacheError, DataError
from tests.options import preparation
from tests.prepared import rows


def write(folder: Path, kinds: tuple[str, ...]) -> tuple[Manifest, list[Exhibit], np.ndarray]:
    """A category of one training scan and these test scans, with foregrounds of several sizes."""
    rng = np.random.default_rng(0)
    foreground = rng.random((1 + len(kinds), 224, 224)) < 0.1
    counts = foreground.sum(axis=(1, 2)).tolist()
    found = zip(rows(kinds), counts, strict=True)
    scans = tuple(replace(row, n_foreground=count) for row, count in found)
    manifest = Manifest(SCHEMA, "rope", preparation(), scans)
    np.save(folder / FOREGROUND_FILE, np.stack([pack_bits(one) for one in foreground]))
    kept = [
        Exhibit(
            rng.random((count, 3), dtype=np.float32) + 0.5,
            rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) if i else None,
        )
        for i, count in enumerate(counts)
    ]
    write_all(folder, kept)
    seal_prepared(folder, manifest.category)
    return manifest, kept, foreground


def write_all(folder: Path, exhibits: list[Exhibit]) -> None:
    with writing_exhibits(folder) as writer:
        for one in exhibits:
            writer.append(one)


def test_every_scan_reads_back(tmp_path: Path) -> None:
    manifest, kept, foreground = write(tmp_path, ("good", "cut", "hole"))
    exhibits = Exhibits.load(tmp_path, manifest)
    assert exhibits.tested == (1, 2, 3)
    for i, one in enumerate(kept):
        if one.picture is not None:
            np.testing.assert_array_equal(exhibits.picture(i), one.picture)
        points = exhibits.points(i)
        np.testing.assert_array_equal(points[foreground[i]], one.points)
        assert not points[~foreground[i]].any()


def test_a_category_without_test_scans_has_none(tmp_path: Path) -> None:
    manifest, _, _ = write(tmp_path, ())
    assert Exhibits.load(tmp_path, manifest).tested == ()


@pytest.mark.parametrize("name", [PICTURES_FILE, POINTS_FILE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    manifest, _, _ = write(tmp_path, ("good", "cut"))
    (tmp_path / name).unlink()
    with pytest.raises(CacheError, match=rf"{name} is missing or damaged"):
        Exhibits.load(tmp_path, manifest)


def test_those_of_other_scans_are_refused(tmp_path: Path) -> None:
    manifest, kept, _ = write(tmp_path, ("good", "cut"))
    write_all(tmp_path, kept[:2])
    seal_prepared(tmp_path, manifest.category)
    with pytest.raises(DataError, match=r"pictures.npy is uint8 \(1, 224, 224, 3\) but .* needs"):
        Exhibits.load(tmp_path, manifest)
    write_all(tmp_path, [*kept[:2], Exhibit(kept[2].points[:-1], kept[2].picture)])
    seal_prepared(tmp_path, manifest.category)
    with pytest.raises(DataError, match=r"points.npy is float32 .* but its manifest needs"):
        Exhibits.load(tmp_path, manifest)
