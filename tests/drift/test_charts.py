"""Charts tell a drift once, and not one scan."""

import numpy as np
import pytest

from mentor3ad.drift.charts import REARM, Chart, Charts
from mentor3ad.drift.limits import SLOT_S, WEIGHT
from mentor3ad.drift.reference import SCORE, Known, Reference

GOOD = tuple(np.sort(np.random.default_rng(1).normal(0, 1, 32)).tolist())


def known(one_sided: bool = False, values: tuple[float, ...] = GOOD) -> Known:
    return Known(values, len(values), 0.01, one_sided)


def feed(chart: Chart, values: list[float], first: int = 0) -> int:
    """A scan in each slot; returns the number of the next one."""
    for n, value in enumerate(values):
        chart.add((first + n) * SLOT_S, value)
    return first + len(values)


def test_one_scan_raises_no_alarm_however_far_off_it_is() -> None:
    chart = Chart("x", known())
    feed(chart, [0.0] * 50 + [1e12] + [0.0] * 50)
    assert chart.since is None
    limit = chart.known.limit
    assert limit is not None
    assert max(chart.trend) < 2.2 * WEIGHT / limit


def test_an_alarm_is_raised_once_and_again_only_after_an_hour_inside() -> None:
    chart, alarms, last = Chart("x", known()), 0, None
    values = [5.0] * 60 + [0.0] * 40 + [5.0] * 60 + [0.0] * (100 + REARM) + [5.0] * 60
    for n, value in enumerate(values):
        chart.add(n * SLOT_S, value)
        alarms += chart.since is not None and last is None
        last = chart.since
    assert alarms == 2  # 40 points are not enough to come back and be inside for 30


def test_scans_of_two_minutes_are_one_point() -> None:
    each, together = Chart("x", known()), Chart("x", known())
    values = [0.3, -0.2, 1.1, 0.4]
    feed(each, [*values, 0.0])
    for n in range(5 * 24):
        together.add(n * SLOT_S / 24, values[n // 24] if n < 96 else 0.0)
    assert (each.points, together.points) == (4, 4)
    assert together.level == pytest.approx(each.level)


def test_less_of_what_is_a_fault_only_above_is_not_told() -> None:
    falling, both = Chart("missing", known(one_sided=True)), Chart("x", known())
    for chart in (falling, both):
        feed(chart, [-5.0] * 100)
    assert falling.since is None
    assert both.since is not None
    assert "x has fallen: the part lies elsewhere" in both.state().text


def test_good_scans_that_are_all_equal_do_not_make_a_speck_a_drift() -> None:
    flat = Chart("overexposed", Known((0.0,) * 30, 30, 0.02 / 3, True))
    feed(flat, [0.001] * 200)
    assert flat.since is None
    feed(flat, [0.03] * 200, 200)
    assert flat.since is not None


def test_the_law_of_the_values_does_not_matter() -> None:
    plain, bent = Chart("x", known()), Chart("x", known(values=tuple(np.exp(GOOD).tolist())))
    series = np.random.default_rng(2).normal(0.2, 1, 60)
    feed(plain, series.tolist())
    feed(bent, np.exp(series).tolist())
    assert bent.level == pytest.approx(plain.level, abs=0.02)


def test_too_few_good_scans_are_said_and_never_an_alarm() -> None:
    chart = Chart(SCORE, Known((1.0, 2.0), 2, 0.1, False))
    feed(chart, [9.0] * 200)
    assert chart.state().state == "too few good scans"
    assert "2 good scans are too few" in chart.state().text


def test_a_drift_is_said_with_its_numbers() -> None:
    values = tuple(float(np.log2(v + 1)) for v in np.linspace(100, 120, 30))
    charts = Charts("a", "v", Reference({"brightness": Known(values, 30, 0.02, False)}))
    for n in range(300):
        charts.add(n * SLOT_S, {"brightness": float(np.log2(81)), "unknown": 1.0})
    (state,) = charts.state().charts
    assert charts.state().drift
    assert state.text == (
        "mean brightness has fallen: the picture is too dark (now 80 of 255 on average, "
        "good scans of the training 100 to 120 of 255)"
    )


def test_a_version_whose_good_scans_nobody_knows_has_no_chart() -> None:
    state = Charts("a", "0123", None).state()
    assert (state.drift, state.charts) == (False, [])
    assert state.problem is not None
    assert "version 0123 is not known" in state.problem


def test_a_reference_is_read_as_it_was_written() -> None:
    reference = Reference({"x": known(), SCORE: known(one_sided=True)})
    assert Reference.parse(reference.dump()) == reference
    with pytest.raises(ValueError, match="blur"):
        Reference.parse(reference.dump().replace('"blur": 0.01', '"blur": -1'))
