"""Masks of one bit a pixel are read by rows, in every way that arrays are asked for rows."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.bitmaps import BitMaps, pack_bits
from mentor3ad.plumbing.errors import DataError


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).random((5, 224, 224)) < 0.3


@pytest.fixture
def file(pixels: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "masks.npy"
    np.save(path, np.stack([pack_bits(one) for one in pixels]))
    return path


@pytest.mark.parametrize("rows", [3, -1, np.int64(2), [4, 0], slice(1, 4), np.array([2, 2])])
def test_rows_are_those_of_an_array(file: Path, pixels: np.ndarray, rows: object) -> None:
    found = BitMaps.load(file, 5)[rows]  # type: ignore[call-overload]
    np.testing.assert_array_equal(found, pixels[rows])
    assert found.dtype == np.bool_


def test_all_come_in_order(file: Path, pixels: np.ndarray) -> None:
    maps = BitMaps.load(file, 5)
    assert len(maps) == 5
    np.testing.assert_array_equal(np.stack(list(maps)), pixels)


def test_no_rows_are_none(file: Path) -> None:
    assert BitMaps.load(file, 5)[[]].shape == (0, 224, 224)


def test_none_are_none(tmp_path: Path) -> None:
    np.save(tmp_path / "masks.npy", np.zeros((0, 6272), np.uint8))
    assert list(BitMaps.load(tmp_path / "masks.npy", 0)) == []


def test_another_number_of_scans_is_refused(file: Path) -> None:
    with pytest.raises(DataError, match=r"\(5, 6272\) but its manifest has 6 scans"):
        BitMaps.load(file, 6)
