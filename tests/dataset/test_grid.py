"""The grid that scans are brought to, and what counts as a return."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mentor3ad.dataset.grid import has_return, is_part

SHAPES = st.tuples(st.integers(0, 4), st.integers(0, 4), st.just(3))
VALUES = st.sampled_from([0.0, -0.0, 1.0, -2.5, np.nan, np.inf])


@given(arrays(np.float32, SHAPES, elements=VALUES))
def test_a_return_has_a_coordinate_that_is_not_zero(points: np.ndarray) -> None:
    np.testing.assert_array_equal(has_return(points), points.any(axis=-1))


@given(arrays(np.float32, SHAPES, elements=VALUES))
def test_the_part_has_no_coordinate_that_is_zero(points: np.ndarray) -> None:
    np.testing.assert_array_equal(is_part(points), points.all(axis=-1))
