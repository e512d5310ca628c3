"""The made-up report, open in a headless Chromium; skips where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.chromium import Page, chromium, find_chromium
from tests.report import made_up


@pytest.fixture(scope="session")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "index.html"
    file.write_text(made_up.page(), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed")
    with chromium(executable, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, report_file: Path) -> Page:
    """The report, freshly opened on a wide, light screen."""
    browser.size(1280, 900)
    browser.dark(False)
    browser.problems.clear()
    browser.requests.clear()
    browser.open(report_file)
    return browser
