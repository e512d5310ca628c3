"""A scan's dialog: its state, its lines, its alarm, its address, and maps over the whole window."""

import pytest

from testbed.chromium import Page
from tests.report import made_up
from tests.report.html.pages import choose, open_card, text

SCALE = "document.getElementById('scale')"
BIG = "document.getElementById('large')"
STATES = {  # of the tire's scans 000 to 004, by KINDS and SCORES
    "test/good/000": "○ correctly passed",
    "test/good/001": "! false alarm",
    "test/cut/002": "✓ caught defect",
    "test/cut/004": "✓ caught defect",
}


def hash_of(page: Page) -> str:
    return page.run("decodeURIComponent(location.hash)")


def test_the_four_states_have_words_marks_and_colours(page: Page) -> None:
    choose(page, "filter-category", "1")
    badges = page.run(
        "Object.fromEntries([...document.querySelectorAll('.card')].map(c => "
        "[c.querySelector('.name').textContent.replace('tire ', ''), "
        "[c.querySelector('.badge').textContent, "
        "getComputedStyle(c.querySelector('.badge')).backgroundColor]]))"
    )
    assert {name: badges[name][0] for name in STATES} == STATES
    missed = badges[f"test/{made_up.HOSTILE}/003"]
    assert missed[0] == "✕ missed defect"
    assert len({colour for _, colour in badges.values()}) == 4


def test_scores_have_the_digits_of_the_threshold(page: Page) -> None:
    choose(page, "order", "high")
    assert text(page, ".card .facts") == "score 4.000, threshold 1.000"
    open_card(page)
    assert "object score 4.000, threshold 1.000" in text(page, "#viewer-facts")


def test_the_anomaly_scale_shows_the_threshold(page: Page) -> None:
    open_card(page)
    assert page.run(f"{SCALE}.querySelectorAll('.mark').length") == 0
    page.run("document.querySelector('input[value=anomaly]').click()")
    page.settle()
    assert "▲ threshold 1.000" in page.run(f"{SCALE}.textContent")
    assert page.run(f"{SCALE}.querySelector('.mark').style.left") == "100%"
    page.run("document.querySelector('input[value=rgb]').click()")
    assert "threshold" not in page.run(f"{SCALE}.textContent")


def test_truth_and_prediction_are_lines_of_two_named_styles(page: Page) -> None:
    """Of a defect both are drawn on the anomaly map, where they differ; of a good scan neither."""
    open_card(page)
    assert text(page, "#outlines li:first-child") == "ground truth, a solid line"
    assert text(page, "#outlines li:last-child") == "above the threshold, a dashed line"
    count = """(i => {
      const c = document.querySelectorAll('#panels canvas')[i];
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      let white = 0, yellow = 0;
      for (let i = 0; i < d.length; i += 4) {
        if (d[i] > 240 && d[i + 1] > 240 && d[i + 2] > 240) white++;
        if (d[i] > 230 && d[i + 1] > 200 && d[i + 2] < 110) yellow++;
      }
      return [white > 40, yellow > 40];
    })"""
    assert page.run(f"{count}(1)") == [True, False]  # the ground truth alone
    assert page.run(f"{count}(2)") == [True, True]
    page.run("document.getElementById('close').click()")
    choose(page, "filter-defect", "=good")
    open_card(page)
    assert page.run(f"{count}(2)") == [False, False]


def test_what_raised_the_alarm(page: Page) -> None:
    choose(page, "filter-defect", "=cut")
    open_card(page)
    alarm = text(page, "#alarm")
    assert "highest pixel, at column 112, row 113 of the scan" in alarm
    assert "Behind it: S_XYZ 75\u00a0%, S_RGB 25\u00a0%, S_Mtr 0\u00a0%." in alarm
    assert page.run("document.querySelector('#alarm tbody tr').innerText").split("\t") == [
        *("1", "126, 98", "7.3 × 5.0", "1.250", "2.500"),
    ]
    page.run("document.getElementById('close').click()")
    choose(page, "filter-defect", "=good")
    open_card(page)
    assert "No pixel of the part is above the threshold." in text(page, "#alarm")


def test_a_click_enlarges_a_map(page: Page) -> None:
    open_card(page)
    page.run("document.querySelectorAll('.zoom')[2].click()")
    page.settle()
    assert page.run(f"{BIG}.open")
    assert text(page, "#large-title") == "Anomaly map on RGB"
    assert "threshold 1.000" in text(page, "#large-scale")
    width = page.run("document.getElementById('large-map').getBoundingClientRect().width")
    assert width > 2.5 * page.run("document.querySelector('.zoom').getBoundingClientRect().width")
    page.run("document.getElementById('large-close').click()")
    assert not page.run(f"{BIG}.open")
    assert page.run("document.getElementById('viewer').open")


def test_keys_enlarge_a_map_leaf_and_close(page: Page) -> None:
    open_card(page)
    page.run("document.querySelectorAll('.zoom')[0].focus()")
    page.key("Enter")
    page.wait(f"{BIG}.open")
    assert text(page, "#large-title") == "RGB"
    page.key("ArrowRight")
    assert text(page, "#large-title").startswith("Ground truth")
    title = text(page, "#viewer-title")
    page.key("Escape")
    page.wait(f"!{BIG}.open")
    assert text(page, "#viewer-title") == title  # the arrow was for the maps alone
    page.wait("document.activeElement.ariaLabel?.startsWith('Enlarge: Ground truth')")


def test_the_address_names_the_scan_and_opens_it(page: Page) -> None:
    choose(page, "filter-category", "1")
    choose(page, "filter-verdict", "alarm")
    open_card(page)
    assert hash_of(page) == "#scan=tire/test/good/001"
    address = page.run("location.href")
    page.run("document.getElementById('close').click()")
    page.settle()
    assert "scan=" not in hash_of(page)
    page.send("Page.navigate", url="about:blank")
    page.send("Page.navigate", url=address)
    page.wait("document.getElementById('viewer')?.open")
    assert text(page, "#viewer-title") == "tire test/good/001"
    assert page.problems == []


def test_an_address_behind_a_filter_clears_it(page: Page) -> None:
    choose(page, "filter-category", "1")
    page.run("location.hash = '#scan=' + encodeURIComponent('rope/test/cut/002')")
    page.wait("document.getElementById('viewer').open")
    assert text(page, "#viewer-title") == "rope test/cut/002"
    assert page.run("document.getElementById('filter-category').value") == ""


@pytest.mark.parametrize("address", ["#scan=nothing", "#scan=%E0%A4%A", "#scan="])
def test_an_address_of_no_scan_opens_nothing(page: Page, address: str) -> None:
    page.run(f"location.hash = {address!r}")
    page.settle()
    assert not page.run("document.getElementById('viewer').open")
    assert page.problems == []
