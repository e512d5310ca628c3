"""Training beside busy programs."""

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
    with neighbours.busy(2) as programs:
        assert [program.is_alive() for program in programs] == [True, True]
    assert [program.is_alive() for program in programs] == [False, False]
