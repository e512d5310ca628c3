"""Colour ranges of scans that are read one by one are those of all pixels at once, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentor3ad.drawing.ranges import colour_ranges


@given(
    st.lists(st.integers(1, 4000), min_size=1, max_size=5),
    st.integers(0, 2**31),
    st.sampled_from([2, 40, 10**9]),
)
@settings(max_examples=60)
def test_they_are_numpys_percentiles(counts: list[int], seed: int, levels: int) -> None:
    """With many ties and with none, on both sides of zero."""
    rng = np.random.default_rng(seed)
    scans = [
        (rng.integers(-levels, levels, (3, count)) / (levels / 7)).astype(np.float32)
        for count in counts
    ]
    found = colour_ranges(scans)
    for row, (low, high) in zip(np.concatenate(scans, axis=1), found, strict=True):
        expected = np.percentile(row, (1.0, 99.9))
        assert low == expected[0]
        assert high == (expected[1] if expected[1] > expected[0] else low + 1.0)


@pytest.mark.parametrize("pixels", [0, 5])
def test_a_range_is_never_empty(pixels: int) -> None:
    ((low, high),) = colour_ranges([np.full((1, pixels), 3.0, np.float32)])
    assert (low, high) == ((3.0, 4.0) if pixels else (0.0, 1.0))


def test_without_scans_there_are_none() -> None:
    assert colour_ranges([]) == []
