"""A comparison's page and its columns, from made-up sides."""

from typing import Any

import numpy as np

from mentor3ad.comparison.compare import settings_of
from mentor3ad.comparison.page import render
from mentor3ad.comparison.scans import Changed, View
from mentor3ad.comparison.seeds import Spread, spread
from mentor3ad.comparison.sides import Side
from mentor3ad.revisions.outs import Outs

HOSTILE = "<script>alert(1)</script>"


def side(name: str, i_auroc: float, **model: Any) -> Side:
    decisions = {"threshold": 1.0, "false_alarms": 1, "misses": 2}
    results = {
        "mean": {"i_auroc": i_auroc},
        "rope": {"aupro_30": 0.5, "n_good": 4, "n_defect": 6, "decisions": decisions},
    }
    params = {"data": {"categories": ["rope"]}, "model": {"lr": 0.003, "seed": 0} | model}
    return Side(name, "c" * 40, params, results, Outs("", lambda md5: None))  # type: ignore


SIDES = [side("HEAD", 0.9), side("rate", 0.8, lr=0.001), side("wide", 0.7, hidden=[1, 2])]


def changed(name: str) -> Changed:
    view = View(2.0, 4.0, np.zeros((224, 224), np.float32))
    picture = np.zeros((224, 224, 3), np.uint8)
    return Changed("rope", name, "newly missed", picture, None, (view, view))


def page(scans: list[Changed] | None = None, repeated: Any = None, notes: Any = ()) -> str:
    results = repeated or [[one.results] for one in SIDES]
    return render(SIDES, results, [(SIDES[1], scans or [], notes), (SIDES[2], [], [])])


def test_each_side_sets_what_differs_from_the_first() -> None:
    assert settings_of(SIDES) == ["", "model.lr = 0.001", "model.hidden = [1, 2]"]


def test_params_and_metrics_stand_side_by_side() -> None:
    text = page()
    assert "<tr><th>model.lr</th><td>0.003</td><td>0.001</td><td>0.003</td></tr>" in text
    cells = "".join(f'<td class="number">{value}</td>' for value in ("0.900", "0.800", "0.700"))
    assert f"<tr><th>mean, I-AUROC</th>{cells}</tr>" in text
    assert "<td>1 of 4, 2 of 6</td>" in text


def test_seeds_give_mean_and_spread() -> None:
    results = [{"mean": {"i_auroc": value}} for value in (0.8, 0.9)]
    over = spread(results, "mean", "i_auroc")
    assert over is not None
    assert (round(over.mean, 3), round(over.deviation, 3), over.seeds) == (0.85, 0.071, 2)
    assert isinstance(over, Spread)
    text = page(repeated=[results, [SIDES[1].results], [SIDES[2].results]])
    assert "0.850 ± 0.071 (2 seeds)" in text


def test_one_seed_has_no_spread() -> None:
    assert spread([{"mean": {"i_auroc": 0.9}}, {"mean": {}}], "mean", "i_auroc") is None


def test_a_scan_that_changed_sides_has_its_picture_and_both_maps() -> None:
    text = page([changed("test/cut/001")])
    assert "newly missed: 1, newly caught: 0" in text
    assert "test/cut/001, 2 / 4, then 2 / 4 (score / threshold)" in text
    assert text.count("<img ") == 3


def test_only_so_many_scans_are_shown() -> None:
    text = page([changed(f"test/cut/{i:03d}") for i in range(45)])
    assert text.count("<figure>") == 40
    assert "5 more are not shown." in text


def test_no_name_becomes_markup_and_nothing_is_loaded() -> None:
    text = page([changed(HOSTILE)], notes=[HOSTILE])
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
