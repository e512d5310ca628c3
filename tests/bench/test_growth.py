"""Every step of the growth table runs on made-up scans, and its row adds up."""

import pytest

from bench import growth
from bench.processes import Usage


@pytest.mark.parametrize("name", [name for name in growth.OWN if name not in ("dvc", "hash")])
def test_a_step_works_on_what_was_made_for_it(name, tmp_path):
    step = growth.OWN[name]
    step.make(tmp_path, 20)
    step.work(tmp_path, 20)


def test_a_row_has_both_exponents(tmp_path, monkeypatch):
    def used(name, size, folder):
        return Usage(1.0, 1e-3 * size, int(1e6 * max(100, size / 10)), None, None)

    monkeypatch.setattr(growth, "_measured", used)
    (row,) = growth.rows_of(["listing"], tmp_path)
    assert row.what == "listing of the raw scans"
    assert row.figures["scans"] == [1000, 10000, 100000]
    assert row.figures["peak_rss_mb"] == [100, 1000, 10000]
    assert row.figures["exponent_of_cpu"] == pytest.approx(1)
    assert row.figures["exponent_of_rss"] == pytest.approx(1)


def test_a_quick_run_takes_a_tenth(tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr(
        growth, "_measured", lambda name, size, folder: sizes.append(size) or Usage(1, 1, 1, 0, 0)
    )
    list(growth.rows_of(["manifest"], tmp_path, tenth=True))
    assert sizes == [100, 1000, 10000, 30000]
