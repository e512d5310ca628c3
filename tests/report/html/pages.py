"""What the tests of the page do with it."""

from typing import Any

from testbed.chromium import Page


def choose(page: Page, field: str, value: str) -> None:
    """Give a select or an input a value, as a person would."""
    page.run(
        f"(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')); }})"
        f"(document.getElementById({field!r}))"
    )


def open_card(page: Page, place: int = 0) -> None:
    page.run("document.getElementById('panels').replaceChildren()")  # those of another scan
    page.run(f"document.querySelectorAll('.card')[{place}].click()")
    page.wait("document.querySelectorAll('#panels canvas').length === 6")
    page.settle()


def text(page: Page, selector: str) -> Any:
    return page.run(f"document.querySelector({selector!r}).textContent")


def cards(page: Page) -> list[str]:
    return page.run("[...document.querySelectorAll('.card .name')].map(n => n.textContent)")
