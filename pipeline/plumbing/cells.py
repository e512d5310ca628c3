"""Cells of CSV files that people open in a spreadsheet, whose names may come from strangers."""

import re
import unicodedata

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # the wide forms too
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def safe_cell(value: object) -> str:
    """Return a cell's text, which no spreadsheet takes for a formula and no terminal obeys.

    A text that begins with = + - or @ gets an apostrophe before it, unless it is a number; control
    characters become escapes such as \\x1b, but for the line feed, which CSV quotes.
    """
    text = "".join(_visible(char) for char in str(value))
    if text.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _visible(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in ("Cc", "Zl", "Zp"):
        return char
    return char.encode("unicode_escape").decode("ascii")
