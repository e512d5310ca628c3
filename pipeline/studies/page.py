"""Puts a study's tables into a page of the user's, between two marks."""

from pathlib import Path

from ..plumbing.documents import LARGE, DocumentError, read_text
from ..plumbing.errors import ConfigError
from ..plumbing.files import replaced_whole


def fill_page(path: Path, study: str, tables: str) -> None:
    """Put Markdown between a study's two marks in a page; everything around them stays.

    Raises:
        ConfigError: the page cannot be read, or does not have each mark once, in their order.
    """
    begin, end = f"<!-- study {study} -->", f"<!-- end of study {study} -->"
    try:
        text = read_text(path, LARGE)
    except (OSError, DocumentError) as error:
        raise ConfigError(f"--write {path} cannot be read: {error}") from None
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed) or begin in rest or end in after:
        raise ConfigError(
            f"--write {path}: the tables go between a line {begin} and a line {end} after it, "
            "each once; add them to the page"
        )
    with replaced_whole(path) as part:
        part.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}", encoding="utf-8")
