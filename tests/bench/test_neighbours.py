"""Training beside busy programs."""

import psutil
import pytest

from bench import neighbours


def test_a_fair_share_counts_the_programs_and_all_cores():
    made = neighbours.figures((0.010, 0.015, 0.030), cores=2)
    assert made == {
        "alone_ms": pytest.approx(10),
        "beside_1_ms": pytest.approx(15),
        "times_fair_share_beside_1": pytest.approx(1.0),
        "beside_2_ms": pytest.approx(30),
        "times_fair_share_beside_2": pytest.approx(1.5),
    }


def test_busy_programs_end_with_their_block():
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children()}

    before = children()
    with neighbours.busy(1):
        made = children() - before
        assert made
    assert not made & {child.pid for child in psutil.Process().children()}
