"""The page around the scans: its head, tables that fit, charts that are needed, filters, theme."""

from dataclasses import replace
from pathlib import Path

import axe_core_python
import pytest

from mentor3ad.report.html.page import render_page
from testbed.chromium import Page
from tests.report import made_up
from tests.report.html.pages import cards, choose, open_card, text

MVTEC3D = (
    *("bagel", "cable_gland", "carrot", "cookie", "dowel"),
    *("foam", "peach", "potato", "rope", "tire"),
)
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
SERIOUS = """axe.run(document, {resultTypes: ['violations']}).then(found =>
  found.violations.filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')))"""


def write(tmp_path: Path, page: str) -> Path:
    file = tmp_path / "index.html"
    file.write_text(page, encoding="utf-8")
    return file


def test_the_head_names_commit_date_experiment_and_data(page: Page) -> None:
    facts = page.run("[...document.querySelectorAll('#origin div')].map(d => d.innerText)")
    assert [" ".join(fact.split()) for fact in facts[:2]] == [
        "Commit 0123456789ab of 2026-11-27, with changes on top",
        "Experiment lofty-hoof",
    ]
    assert facts[2].split()[1] == made_up.content().data[:12]


def test_no_table_scrolls(page: Page, tmp_path: Path) -> None:
    """Of ten categories, with the paper's table and the further metrics."""
    page.open(write(tmp_path, made_up.page(MVTEC3D)))
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.settle()
    tables = "[...document.querySelectorAll('#metrics .scroll, #threshold .scroll')]"
    assert page.run(f"{tables}.length") >= 5
    assert page.run(f"{tables}.filter(s => s.scrollWidth > s.clientWidth).map(s => s.id)") == []
    assert page.run("document.querySelectorAll('#other-table tbody tr').length") == 5


def test_the_headline_comes_first_and_the_rest_behind_one_click(page: Page) -> None:
    heads = "[...document.querySelectorAll('#metric-table th[scope=col]')].map(h => h.textContent)"
    assert page.run(heads) == [
        *("category", "I-AUROC", "P-AUROC", "AUPRO@30", "AUPRO@1", "missed", "false alarms"),
    ]
    row = page.run("document.querySelector('#metric-table tbody tr').innerText").split("\t")
    assert row == ["rope", "0.750", "0.970", "0.900", "0.500", "1 of 3", "1 of 3"]
    total = page.run("document.querySelector('#metric-table tr.total').innerText").split("\t")
    assert total[-2:] == ["2 of 6", "2 of 6"]
    assert not page.run("document.getElementById('other-table').checkVisibility()")
    page.run("document.querySelector('#others summary').click()")
    assert page.run("document.getElementById('other-table').checkVisibility()")


def test_one_category_has_a_histogram_of_the_usual_size(page: Page, tmp_path: Path) -> None:
    size = "document.querySelector('#histograms svg').getBoundingClientRect().width"
    usual = page.run(size)
    page.open(write(tmp_path, made_up.page(("rope",))))
    assert page.run(size) == pytest.approx(usual, rel=0.05)
    assert page.run("document.querySelectorAll('#metric-table tbody tr').length") == 1
    assert not page.run("document.getElementById('curve-category').checkVisibility()")


def test_without_masks_there_are_no_empty_axes(page: Page, tmp_path: Path) -> None:
    page.open(write(tmp_path, made_up.page(masked=False)))
    titles = "[...document.querySelectorAll('#curve-charts figcaption')].map(f => f.textContent)"
    assert page.run(titles) == ["ROC of scans", "Loss of MFM", "Loss of MGM"]
    assert page.run("document.querySelectorAll('.tile').length") == 1
    assert page.problems == []


def test_scans_without_a_view_are_counted_and_not_shown(page: Page, tmp_path: Path) -> None:
    """Of the first category two of six scans have a view, of the second all."""
    assert page.run("document.getElementById('left-out')") is None
    whole = made_up.content()
    scans = [
        replace(one, view=None) if one.category == 0 and one.view not in (0, 1) else one
        for one in whole.scans
    ]
    views = [made_up.views(category) for category in made_up.CATEGORIES]
    views[0] = replace(views[0], scans=views[0].scans[:2])
    page.open(write(tmp_path, render_page(replace(whole, scans=tuple(scans)), views)))
    assert text(page, "#left-out").startswith("Not shown here: 4 of 6 test scans of rope. Shown")
    assert len(cards(page)) == 8
    assert text(page, "#count").startswith("8 of 8 scans")
    open_card(page, 7)
    assert page.problems == []


def test_scores_are_filtered_by_a_range(page: Page) -> None:
    choose(page, "filter-category", "0")
    choose(page, "filter-low", "0.9")
    choose(page, "filter-high", "3")
    assert sorted(cards(page)) == ["rope test/cut/004", "rope test/good/001", "rope test/good/005"]
    choose(page, "filter-verdict", "caught")
    assert cards(page) == ["rope test/cut/004"]
    page.run("document.getElementById('clear').click()")
    assert len(cards(page)) == 12


def test_the_theme_is_remembered(page: Page, report_file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.run("document.getElementById('theme').click()")
    dark = page.run(ground)
    page.open(report_file)
    remembered = page.run(ground)
    page.run("localStorage.clear()")
    assert light != dark == remembered


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("state", ["page", "scan", "map"])
def test_axe_finds_nothing_serious(page: Page, dark: bool, state: str) -> None:
    page.dark(dark)
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    if state != "page":
        choose(page, "filter-defect", "=cut")
        open_card(page)
    if state == "map":
        page.run("document.querySelectorAll('.zoom')[2].click()")
    page.settle()
    page.run(AXE.read_text(encoding="utf-8") + "\n;1")
    assert page.run(SERIOUS) == []


def test_a_scan_fills_the_window(page: Page) -> None:
    page.size(1920, 1000)
    open_card(page)
    width = page.run("document.getElementById('viewer').getBoundingClientRect().width")
    assert width > 1800
    assert text(page, "#viewer-title")
