"""A file that grew row by row has the bytes of `np.save`."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.exhibits.growing import GrowingArray


@pytest.mark.parametrize("parts", [[], [1], [3, 0, 2], [1] * 12])
@pytest.mark.parametrize(("dtype", "row"), [(np.uint8, (4, 3)), (np.float32, (3,))])
def test_the_bytes_are_those_of_a_save(
    tmp_path: Path, parts: list[int], dtype: type, row: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 99, (count, *row)).astype(dtype) for count in parts]
    with GrowingArray(tmp_path / "grown.npy", dtype, *row) as file:
        for some in rows:
            file.append(some)
    np.save(tmp_path / "saved.npy", np.concatenate([np.zeros((0, *row), dtype), *rows]))
    assert (tmp_path / "grown.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()
