"""The largest scan: 8,192 pixels a side, and 4,096 x 4,096 in all."""

from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.formats.checks import check_side


@pytest.mark.parametrize(("height", "width"), [(4097, 4096), (8192, 2049)])
def test_more_pixels_than_a_scan_may_have_are_refused(height: int, width: int) -> None:
    with pytest.raises(DataError, match=f"claims {height} x {width} pixels, over 16777216 in all"):
        check_side(Path("a"), height, width)
    check_side(Path("a"), 8192, 2048)
