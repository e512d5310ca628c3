"""The live page in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import axe_core_python
import numpy as np
import pytest

from testbed.chromium import Page, chromium, find_chromium
from testbed.clone import CATEGORY

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.drift.charts import Charts
from mentor3ad.drift.limits import SLOT_S
from mentor3ad.drift.reference import Known, Reference
from mentor3ad.voting.likeness import MEASURES, ONE_SIDED

from .conftest import Running

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
SERIOUS = """axe.run(document, {resultTypes: ['violations']}).then(found =>
  found.violations.filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')))"""
TOKEN = "a token of some length"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if (executable := find_chromium()) is None:
        pytest.skip("there is no Chromium on this machine")
    with chromium(executable, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def one(start: Callable[..., Running], test_scans: Path) -> Running:
    """A service with two scans of which one cannot be inspected."""
    service = start()
    service.inspect(test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff")
    service.client.post(
        f"/inspect/{CATEGORY}",
        files={"rgb": ("bad.png", b"x"), "geometry": ("bad.tiff", b"x")},
    )
    return service


def visit(page: Page, one: Running) -> None:
    page.send("Page.navigate", url="about:blank")
    page.send("Page.navigate", url=one.address)
    page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")


def live(page: Page) -> None:
    page.wait("document.getElementById('connection').textContent === 'live'")


def text(page: Page, place: str) -> str:
    return str(page.run(f"document.querySelector({place!r}).textContent"))


def test_it_shows_what_comes_and_keeps_marks(page: Page, one: Running, test_scans: Path) -> None:
    page.problems.clear()
    page.requests.clear()
    visit(page, one)
    live(page)
    assert text(page, "#word") == "NOT INSPECTED"
    assert "is not a PNG file" in text(page, "#error")
    assert page.run("document.querySelectorAll('#strip button').length") == 2

    scan = test_scans / "good/rgb/001.png", test_scans / "good/xyz/001.tiff"
    found = one.inspect(*scan).json()
    page.wait("document.querySelectorAll('#strip button').length === 3")
    word = {"good": "GOOD", "defective": "DEFECTIVE"}[found["status"]]
    assert text(page, "#word") == word
    page.wait("document.getElementById('heatmap').naturalWidth === 224 && cloud.points.length > 0")
    assert text(page, f"#{found['status']}") in ("1", "2")

    page.run("document.getElementById('ng').click()")
    page.wait("document.getElementById('ng').getAttribute('aria-pressed') === 'true'")
    row = one.service.history.by_number(found["seq"])
    assert row is not None
    assert row.result.mark == "ng"

    page.run("(only.value = 'error', only.dispatchEvent(new Event('change')))")
    page.wait("document.querySelectorAll('#strip button').length === 1")
    assert text(page, "#word") == word
    page.run("document.querySelector('#strip button').click()")
    assert text(page, "#word") == "NOT INSPECTED"
    page.run("document.getElementById('live').click()")
    assert text(page, "#word") == word

    assert page.problems == []
    strange = [url for url in page.requests if not url.startswith((one.address, "about:"))]
    assert strange == []


class Faded:
    """In the place of a service's charts: some after a lamp has faded."""

    def __init__(self, one: Running) -> None:
        recipe = one.service.recipes.all()[0]
        known = {
            name: Known(tuple(np.linspace(0.1, 0.3, 30).tolist()), 30, 0.01, name in ONE_SIDED)
            for name in MEASURES
        }
        charts = Charts(recipe.name, recipe.version, Reference(known))
        for n in range(90):
            sound = dict.fromkeys(MEASURES, 0.2)
            charts.add(n * SLOT_S, sound | {"brightness": 0.2 - 0.01 * n})
        self.states = (charts.state(),)

    def follow(self) -> None:
        pass


@pytest.fixture
def faded(one: Running, monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setattr(one.service, "drift", Faded(one))
    return one


def test_it_shows_the_charts_and_says_what_has_drifted(page: Page, faded: Running) -> None:
    visit(page, faded)
    page.wait("document.querySelectorAll('#drift-alarms li').length > 0")
    assert "mean brightness has fallen: the picture is too dark" in text(page, "#drift-alarms")
    assert "▼ drift" in text(page, "#charts li.drifted")
    assert page.run("document.querySelectorAll('.charts li').length") == len(MEASURES)
    points = page.run("document.querySelector('#charts .level').getAttribute('points').split(' ')")
    assert len(points) == 89  # the last slot is not over yet


@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_is_wider_than_the_screen(page: Page, faded: Running, width: int) -> None:
    page.size(width, 900, mobile=width < 800)
    visit(page, faded)
    live(page)
    page.wait("document.querySelectorAll('#drift-alarms li').length > 0")
    page.run("(document.getElementById('more-charts').open = true, 0)")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    height = page.run("parseFloat(getComputedStyle(document.getElementById('word')).fontSize)")
    assert height >= (40 if width < 800 else 130)


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(page: Page, faded: Running, dark: bool) -> None:
    page.dark(dark)
    visit(page, faded)
    live(page)
    page.wait("document.querySelectorAll('#drift-alarms li').length > 0")
    page.run(AXE.read_text(encoding="utf-8") + "\n;1")
    assert page.run(SERIOUS) == []


def test_it_says_when_it_is_cut_off(page: Page, one: Running) -> None:
    visit(page, one)
    live(page)
    one.service.stopping.set()
    page.wait("document.getElementById('connection').className === 'lost'")


def test_a_token_is_asked_for_once(
    page: Page, start: Callable[..., Running], test_scans: Path
) -> None:
    one = start(token=TOKEN)
    visit(page, one)
    page.wait("document.getElementById('login').open")

    def log_in(token: str) -> None:
        page.run(f"(document.getElementById('token').value = {token!r}, 0)")
        page.run("document.querySelector('#login button').click()")

    log_in("another")
    page.wait("document.getElementById('refused').textContent.includes('not the service')")
    log_in(TOKEN)
    live(page)
    visit(page, one)
    live(page)
    assert TOKEN not in page.run("document.cookie")


def test_a_mark_of_no_scan_is_refused(start: Callable[..., Running]) -> None:
    client = start().client
    assert client.put("/scans/7/mark", json={"mark": "ok"}).status_code == 404
    assert client.get("/scans/7/heatmap.png").status_code == 404
    assert client.get("/scans/7/..%2f..%2fhistory.sqlite").status_code == 404
    assert client.get("/results/none").status_code == 404
