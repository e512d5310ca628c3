"""Rivals in the report: the rows' order and names, means, and the table for people."""

import io
from typing import Any

import pytest
from rich.console import Console

from mentor3ad.report.rivals import print_rivals, rival_results, rival_table
from tests.report import made_up


def written(shift: float) -> dict[str, Any]:
    """What stage `rivals` writes of a category: two methods, their maps' metrics moved by shift."""

    def metrics(value: float) -> dict[str, Any]:
        known = {"i_auroc": value + shift, "aupro_30": value - shift, "p_auroc": None}
        return known | {"n_good": 3, "n_defect": 2, "defects": {}, "decisions": {"misses": 1}}

    nearest = {"rgb": metrics(0.5), "xyz": metrics(0.6), "joined": metrics(0.7)}
    cfm = {"rgb": metrics(0.2), "joined": metrics(0.3)}
    return {
        "nearest": {"join": "calibrated", "bytes": 7, "maps": nearest},
        "cfm": {"join": "product", "bytes": 9, "maps": cfm},
    }


RESULTS = rival_results({"rope": written(0.0), "foam": written(0.1)})


def test_a_method_comes_before_its_maps() -> None:
    names = ["nearest", "nearest.rgb", "nearest.xyz", "cfm", "cfm.rgb"]
    assert list(RESULTS) == ["mean", "rope", "foam"]
    assert [list(RESULTS[part]) for part in RESULTS] == [names] * 3


def test_means_are_those_of_the_categories() -> None:
    assert RESULTS["mean"]["nearest"]["i_auroc"] == pytest.approx(0.75)
    assert RESULTS["mean"]["cfm.rgb"]["aupro_30"] == pytest.approx(0.15)


def test_a_category_keeps_bytes_and_decisions() -> None:
    assert RESULTS["foam"]["cfm"]["bytes"] == 9
    assert RESULTS["foam"]["cfm"]["decisions"] == {"misses": 1}
    assert "bytes" not in RESULTS["foam"]["cfm.rgb"]


def test_rows_have_names_for_people_and_headline_metrics_alone() -> None:
    rows = rival_table(RESULTS)
    assert [(row.name, row.whole) for row in rows[:2]] == [
        ("Nearest neighbours (PatchCore, M3DM)", True),
        ("RGB alone", False),
    ]
    assert rows[0].metrics["rope"] == {"i_auroc": 0.7, "aupro_30": 0.7}


def test_without_rivals_there_is_no_row_and_nothing_is_printed() -> None:
    empty = rival_results({"rope": {}, "foam": {}})
    assert empty == {"mean": {}, "rope": {}, "foam": {}}
    text = io.StringIO()
    print_rivals({"i_auroc": 0.9}, rival_table(empty), Console(file=text))
    assert text.getvalue() == ""


def test_ours_is_printed_first_and_maps_are_not() -> None:
    text = io.StringIO()
    print_rivals(
        {"i_auroc": 0.912, "aupro_30": 0.5}, rival_table(RESULTS), Console(file=text, width=100)
    )
    lines = [line for line in text.getvalue().splitlines() if "0." in line]
    assert [line.split()[1] for line in lines] == ["ours", "Nearest", "Crossmodal"]
    assert "0.912" in lines[0]
    assert "0.750" in lines[1]


def test_the_page_holds_the_rows() -> None:
    names = [row.name for row in made_up.content().rivals]
    assert names == ["Nearest neighbours (PatchCore, M3DM)", "RGB alone"]
