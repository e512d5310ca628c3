"""Which scans the report shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.dataset.scan import Label
from mentor3ad.drawing.sampling import choose_views

SCORES = [0.1, 0.2, 0.9, 1.1, 3.0, 0.05, 0.5, 2.0, 8.0, 9.0]
LABELS: list[Label] = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("most", "chosen"),
    [
        (1, {5}),  # the worst miss
        (2, {5, 4}),  # the worst false alarm
        (3, {5, 4, 3}),  # nearest to 1: 1.1 by a ratio of 1.1, nearer than 0.9
        (5, {5, 4, 3, 9, 0}),  # the clearest ones
        (7, {5, 4, 3, 9, 0, 6, 2}),  # the second misses and what is second nearest
        (10, set(range(10))),
    ],
)
def test_errors_what_is_near_and_what_is_clear_take_turns(most: int, chosen: set[int]) -> None:
    assert choose_views(SCORES, LABELS, 1.0, most) == sorted(chosen)


def test_scans_without_truth_are_the_nearest_the_highest_and_the_lowest() -> None:
    assert choose_views(SCORES, [None] * 10, 1.0, 3) == [3, 5, 9]


scores = st.lists(st.floats(0, 100, width=32), min_size=1, max_size=30)


@given(scores, st.integers(0, 40), st.floats(0, 100), st.randoms(use_true_random=False))
def test_so_many_are_chosen_in_order_whatever_the_scores(values, most, threshold, random) -> None:
    labels = [random.choice([0, 1, None]) for _ in values]
    chosen = choose_views(np.array(values), labels, threshold, most)
    assert len(chosen) == min(most, len(values))
    assert chosen == sorted(set(chosen))
