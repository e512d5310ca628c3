"""Every command of a page runs in a test, or there is a reason why it does not."""

import re

import pytest

from tests.page_commands import NOT_RUN, PAGES, RUN, SKIPPED, commands

WITH_COMMANDS = {page.name for page in PAGES if list(commands(page))}


def test_every_page_with_commands_runs_or_has_a_reason() -> None:
    assert {*RUN, *NOT_RUN} == WITH_COMMANDS
    assert set(RUN).isdisjoint(NOT_RUN)


@pytest.mark.parametrize("pattern", SKIPPED)
def test_every_reason_is_of_a_command_that_a_page_has(pattern: str) -> None:
    pages = [page for page in PAGES if page.name in RUN]
    assert any(re.search(pattern, one.text) for page in pages for one in commands(page))
