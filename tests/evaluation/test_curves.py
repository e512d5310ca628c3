"""Rows for DVC plots: right points, few of them, the same bytes each time."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mentor3ad.evaluation.aupro import aupro, pro_curve
from mentor3ad.evaluation.curves import pro_rows, roc_rows, write_rows
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.evaluation.ranking import rank
from tests.paths import ROOT

TEMPLATE = ROOT / ".dvc" / "plots" / "roc_by_category.json"


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    masks = np.zeros((4, 64, 64), dtype=bool)
    masks[2:, 10:25, 8:30] = True
    return rank_pixels((rng.standard_normal(masks.shape) + 2 * masks).astype(np.float32), masks)


def test_object_roc_is_every_corner():
    rows = roc_rows("rope", rank([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]))
    points = [(row["category"], row["fpr"], row["tpr"]) for row in rows]
    corners = [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0)]
    assert points == [("rope", *corner) for corner in corners]


def test_pixel_roc_is_thin_and_keeps_its_area(pixels):
    rows = roc_rows("rope", pixels.roc)
    area = np.trapezoid([row["tpr"] for row in rows], [row["fpr"] for row in rows])
    assert len(rows) <= 200
    assert_allclose(area, pixels.roc.auroc(), atol=1e-3)


def test_pro_rows_end_at_the_limit_and_keep_the_area(pixels):
    rows = pro_rows("rope", pixels)
    area = np.trapezoid([row["pro"] for row in rows], [row["fpr"] for row in rows]) / 0.3
    assert (len(rows) <= 200, rows[0]["fpr"], rows[-1]["fpr"]) == (True, 0.0, 0.3)
    assert_allclose(area, aupro(pro_curve(pixels), [0.3])[0], atol=2e-3)


def test_written_rows_are_sorted_and_rounded(tmp_path):
    write_rows(
        tmp_path / "plots" / "roc.json", [{"tpr": 1 / 3, "category": "é", "fpr": 0.0, "n": 7}]
    )
    text = (tmp_path / "plots" / "roc.json").read_text()
    assert text == '[\n{"category": "\\u00e9", "fpr": 0.0, "n": 7, "tpr": 0.333333}\n]\n'


def test_no_rows_are_an_empty_list(tmp_path):
    write_rows(tmp_path / "roc.json", [])
    assert json.loads((tmp_path / "roc.json").read_text()) == []


def test_a_value_that_is_not_a_number_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_rows(tmp_path / "roc.json", [{"fpr": float("nan")}])


def test_dvc_fills_the_template_with_one_line_a_category():
    render = pytest.importorskip("dvc_render.vega")
    rows = [{**row, "rev": "workspace"} for row in roc_rows("rope", rank([0, 1], [0.1, 0.2]))]
    spec = render.VegaRenderer(
        rows, "roc", template=TEMPLATE.name, template_dir=str(TEMPLATE.parent), x="fpr", y="tpr"
    ).get_filled_template()
    assert "<DVC_METRIC" not in json.dumps(spec)
    assert [spec["encoding"][axis]["field"] for axis in ("x", "y", "color")] == [
        "fpr",
        "tpr",
        "category",
    ]
