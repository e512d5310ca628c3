"""Preparation by a worker in this process: the order in which parts come changes no byte."""

from pathlib import Path

import pytest

import mentor3ad.preparation.dispatched as dispatched
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.dispatched import by_workers
from tests.in_process import hiring_here
from tests.options import prepare
from tests.raw_scans import write_data_set, write_scan


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatched, "hired", hiring_here())
    monkeypatch.setattr(dispatched, "UNIT", 2)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Eight scans, of which one bumpy one has a mask."""
    for seed in range(5, 9):
        write_scan(tmp_path / "raw/disc/train/good", f"{seed:03d}", seed=seed)
    write_data_set(tmp_path / "raw")
    return tmp_path / "raw"


def files(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in folder.iterdir()}


def test_the_out_is_that_of_this_machine(raw: Path, tmp_path: Path, params: Params) -> None:
    each = by_workers(raw, "disc", params.runtime)
    prepare(raw, "disc", tmp_path / "here")
    prepare(raw, "disc", tmp_path / "there", each=each)
    assert files(tmp_path / "there") == files(tmp_path / "here")


def test_a_scan_that_is_refused_ends_it_and_leaves_nothing(
    raw: Path, tmp_path: Path, params: Params
) -> None:
    bad = raw / "disc/train/good/xyz/006.tiff"
    bad.write_bytes(b"no tiff")
    with pytest.raises(DataError, match=r"006\.tiff"):
        prepare(raw, "disc", tmp_path / "out", each=by_workers(raw, "disc", params.runtime))
    assert not (tmp_path / "out").exists()
