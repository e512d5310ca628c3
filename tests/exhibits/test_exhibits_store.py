"""What the report shows of test scans: read back as written, and refused where it is another's."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.manifest import FOREGROUND_FILE, SCHEMA, Manifest, pack_bits
from mentor3ad.exhibits.store import (
    PICTURES_FILE,
    POINTS_FILE,
    Exhibit,
    Exhibits,
    save_exhibits,
)
from mentor3ad.plumbing.errors import DataError
from tests.options import preparation
from tests.prepared import rows


def write(folder: Path, kinds: tuple[str, ...]) -> tuple[Manifest, list[Exhibit], np.ndarray]:
    """A category of one training scan and these test scans, with foregrounds of several sizes."""
    manifest = Manifest(SCHEMA, "rope", preparation(), rows(kinds))
    rng = np.random.default_rng(0)
    foreground = rng.random((len(manifest.rows), 224, 224)) < 0.1
    np.save(folder / FOREGROUND_FILE, np.stack([pack_bits(one) for one in foreground]))
    shown = [
        Exhibit(
            rng.integers(0, 256, (224, 224, 3), dtype=np.uint8),
            rng.random((int(one.sum()), 3), dtype=np.float32) + 0.5,
        )
        for one in foreground[1:]
    ]
    save_exhibits(folder, shown)
    return manifest, shown, foreground


def test_every_test_scan_reads_back(tmp_path: Path) -> None:
    manifest, shown, foreground = write(tmp_path, ("good", "cut", "hole"))
    exhibits = Exhibits.load(tmp_path, manifest)
    assert exhibits.index == (1, 2, 3)
    for n, one in enumerate(shown):
        np.testing.assert_array_equal(exhibits.picture(n), one.picture)
        points = exhibits.points(n)
        np.testing.assert_array_equal(points[foreground[n + 1]], one.points)
        assert not points[~foreground[n + 1]].any()


def test_a_category_without_test_scans_has_none(tmp_path: Path) -> None:
    manifest, _, _ = write(tmp_path, ())
    assert Exhibits.load(tmp_path, manifest).index == ()


@pytest.mark.parametrize("name", [PICTURES_FILE, POINTS_FILE])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    manifest, _, _ = write(tmp_path, ("good", "cut"))
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=rf"{name} cannot be read .*: run prepare again"):
        Exhibits.load(tmp_path, manifest)


def test_those_of_other_scans_are_refused(tmp_path: Path) -> None:
    manifest, shown, _ = write(tmp_path, ("good", "cut"))
    save_exhibits(tmp_path, shown[:1])
    with pytest.raises(DataError, match=r"pictures.npy is uint8 \(1, 224, 224, 3\) but .* needs"):
        Exhibits.load(tmp_path, manifest)
    save_exhibits(tmp_path, [shown[0], Exhibit(shown[1].picture, shown[1].points[:-1])])
    with pytest.raises(DataError, match=r"points.npy is float32 .* but its manifest needs"):
        Exhibits.load(tmp_path, manifest)
