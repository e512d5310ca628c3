"""The learning rate of each step, and when training ends."""

import math

import pytest

from mentor3ad.params.schema import EarlyStop
from mentor3ad.training.schedule import Cosine, Plateau

EARLY = EarlyStop(every=10, patience=2)


def test_the_cosine_rises_over_a_twentieth_and_ends_near_zero() -> None:
    schedule = Cosine(100)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[50] == pytest.approx((1 + math.cos(math.pi * 45 / 95)) / 2)
    assert rates[99] < 0.001
    assert schedule.end == 100


def test_a_loss_that_keeps_falling_takes_all_steps_and_cools_down() -> None:
    schedule = Plateau(100, EARLY)
    rates = []
    for step in range(100):
        rates.append(schedule.rate(step))
        assert schedule.measured(step + 1, -step)
    assert schedule.end == 100
    assert rates[79:82] == pytest.approx([1.0, 1.0, 0.95])
    assert rates[99] == pytest.approx(0.05)


def test_a_stalled_loss_ends_training_a_quarter_later() -> None:
    schedule = Plateau(1000, EARLY)
    assert [schedule.measured(step, loss) for step, loss in ((20, 1.0), (30, 1.0), (40, 2.0))] == [
        True,
        False,
        False,
    ]
    assert schedule.end == 50
    assert [schedule.rate(step) for step in range(40, 50)] == pytest.approx(
        [0.82, 0.84, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    )


def test_one_measurement_that_is_no_better_does_not_end_it() -> None:
    schedule = Plateau(1000, EARLY)
    for step, loss in ((10, 1.0), (20, 1.1), (30, 0.9), (40, 0.95)):
        schedule.measured(step, loss)
    assert schedule.end == 1000


def test_a_stall_during_the_fall_changes_nothing() -> None:
    schedule = Plateau(100, EARLY)
    for step in (70, 85, 90, 95):
        schedule.measured(step, 1.0)
    assert schedule.end == 100
