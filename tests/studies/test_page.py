"""A study's tables inside a page: between its marks, and nowhere else."""

from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.studies.page import fill_page

MARKS = ("<!-- study votes -->", "<!-- end of study votes -->")


def test_what_is_around_the_marks_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\nrest\n")
    fill_page(page, "votes", "new\n")
    first = page.read_text()
    assert first == f"# Title\n\n{MARKS[0]}\n\nnew\n\n{MARKS[1]}\n\nrest\n"
    fill_page(page, "votes", "new\n")
    assert page.read_text() == first


@pytest.mark.parametrize(
    "text", ["", MARKS[0], MARKS[1] + MARKS[0], "".join(MARKS) * 2, MARKS[0] * 2 + MARKS[1]]
)
def test_a_page_without_both_marks_stays_and_is_one_sentence(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ConfigError, match="add them to the page"):
        fill_page(page, "votes", "new\n")
    assert page.read_text() == text


def test_a_page_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"page\.md cannot be read"):
        fill_page(tmp_path / "page.md", "votes", "new\n")
