"""The page as a file: self-contained, without a way for data to become markup."""

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mentor3ad.plumbing.errors import CacheError
from mentor3ad.report.html.page import FOLDER, SCRIPTS, render_page, script_json
from tests.report import made_up


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of script and style elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.raw[-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> str:
    return made_up.page()


def test_a_hostile_name_adds_no_element(page: str) -> None:
    assert Elements(page).named("img") == []
    assert len(Elements(page).named("script")) == 2 + len(made_up.CATEGORIES)


def test_the_content_is_read_back_as_it_was(page: str) -> None:
    text = Elements(page).raw[1]
    defects = json.loads(text)["categories"][0]["defects"]
    assert made_up.HOSTILE in defects


def test_json_in_a_script_has_no_tag_and_no_line_separator() -> None:
    text = script_json({"a": "</script><!--\u2028"})
    assert not set("<\u2028") & set(text)
    assert json.loads(text) == {"a": "</script><!--\u2028"}


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    sources = [a.get("src") or a.get("href") for _, a in Elements(page).tags]
    assert [s for s in sources if s and not s.startswith(("#", "data:,"))] == []
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", page)


def test_the_policy_allows_this_script_and_style_and_no_network(page: str) -> None:
    elements = Elements(page)
    policy = next(a["content"] for a in elements.named("meta") if "http-equiv" in a)
    rules = dict(rule.strip().split(" ", 1) for rule in (policy or "").split(";"))
    assert rules["default-src"] == "'none'"
    assert not {"connect-src", "frame-src", "font-src"} & set(rules)
    for rule, text in (("style-src", elements.raw[0]), ("script-src", elements.raw[-1])):
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_no_element_has_a_style_or_a_handler_that_the_policy_would_block(page: str) -> None:
    names = {name for _, attributes in Elements(page).tags for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]


def test_no_script_makes_markup_of_text() -> None:
    for name in SCRIPTS:
        source = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source)
        assert found == [], name


def test_every_script_file_is_part_of_the_page() -> None:
    assert {path.stem for path in FOLDER.glob("*.js")} == set(SCRIPTS)


def test_the_same_results_give_the_same_bytes(page: str) -> None:
    assert made_up.page() == page


def test_a_view_that_is_not_base64_is_refused() -> None:
    views = made_up.views("rope")
    broken = replace(views.scans[0], picture="</script>")
    with pytest.raises(CacheError, match="test/good/000: its view is not base64"):
        render_page(made_up.content(), [replace(views, scans=(broken,))])
