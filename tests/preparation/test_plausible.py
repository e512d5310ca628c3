"""A line of pixels and coordinates out of any sensor's reach are no part, and decide nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mentor3ad.dataset.scan import RawScan
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.plausible import check_part
from mentor3ad.preparation.prepare import prepare_raw

SIZE = 224


def points(unit: float = 1e-3) -> NDArray[np.float32]:
    y, x = np.mgrid[:SIZE, :SIZE]
    grid = np.stack([x + 1, y + 1, np.full_like(x, 500)], axis=-1).astype(np.float32)
    return grid * np.float32(unit)


def block(rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[rows, columns] = True
    return mask


LINES = {
    "a row": block(slice(9, 10), slice(0, SIZE)),
    "two columns": block(slice(0, SIZE), slice(30, 32)),
    "a diagonal": np.eye(SIZE, dtype=bool),
    "a pixel": block(slice(5, 6), slice(5, 6)),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_no_part(name: str) -> None:
    with pytest.raises(DataError, match="scan 7 shows only a line of pixels"):
        check_part(LINES[name], points(), "scan 7")


def test_a_narrow_part_is_one() -> None:
    check_part(block(slice(9, 12), slice(0, SIZE)), points(), "scan 7")
    check_part(sum(np.eye(SIZE, k=k, dtype=bool) for k in range(-2, 3)) > 0, points(), "scan 7")


@pytest.mark.parametrize(("unit", "size"), [(1e-40, 7.07e-39), (1e-6, 7.07e-05), (1.0, 70.7)])
def test_a_size_that_no_sensor_sees_is_no_part(unit: float, size: float) -> None:
    mask = block(slice(0, 51), slice(0, 51))
    with pytest.raises(DataError, match=f"scan 7 shows a part of {size:.3g} m") as error:
        check_part(mask, points(unit), "scan 7")
    assert "data.units" in str(error.value)


def test_a_preprocessed_line_is_not_prepared(params: Params) -> None:
    """It once had the score 0.0, good: nothing of it was far from anything."""
    line = points() * block(slice(9, 10), slice(0, SIZE))[..., None]
    raw = RawScan(np.full((SIZE, SIZE, 3), 9, np.uint8), line, None, part_only=True)
    with pytest.raises(DataError, match="only a line of pixels"):
        prepare_raw(raw, params.data.preparation, "scan 7")
