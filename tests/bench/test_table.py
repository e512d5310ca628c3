"""Results as tables, and their place in the documentation."""

import pytest

from bench.run import PAGE
from bench.table import END, START, section, table, with_tables


def test_columns_are_the_figures_of_all_rows():
    rows = [
        {"what": "a", "peak_rss_mb": 1234.5, "scans_per_s": 0.12345},
        {"what": "b", "scans_per_s": None, "share_of_limit": 0.614, "sizes": [10, 1000]},
    ]
    assert table(rows) == [
        "|  | peak RSS MB | scans/s | share of the limit | sizes |",
        "|---|---|---|---|---|",
        "| a | 1,234 | 0.123 |  |  |",
        "| b |  |  | 61 % | 10, 1,000 |",
    ]


def test_what_was_left_out_says_why():
    text = section("predict", {"title": "yours", "rows": [], "left_out": "Left out: no model."})
    assert text.splitlines() == ["### predict: yours", "", "Left out: no model."]


def test_a_page_keeps_all_but_what_is_between_its_marks():
    page = f"before\n{START}\nold\n{END}\nafter\n"
    assert with_tables(page, "new\n") == f"before\n{START}\nnew\n{END}\nafter\n"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="mentor3ad bench: start"):
        with_tables("nothing", "new\n")


def test_the_page_has_its_marks():
    assert "new" in with_tables(PAGE.read_text(encoding="utf-8"), "new\n")
