"""What a spreadsheet would run and a terminal obey is text in our CSV files."""

import csv
import io

import pytest

from mentor3ad.inspection.results import Result, line
from mentor3ad.plumbing.cells import safe_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("+x", "'+x"),
        ("＝1", "'＝1"),
        ("  =1", "'  =1"),
        ("\t=1", "\\t=1"),
        ("a\x1b[31m\r\n\x00b", "a\\x1b[31m\\r\n\\x00b"),
        ("\u2028x", "\\u2028x"),
        ("-0.5", "-0.5"),
        (-0.5, "-0.5"),
        ("+1e-05", "+1e-05"),
        (1e-05, "1e-05"),
        ("-", "'-"),
        ("test/good/000", "test/good/000"),
        ("Büchse 1", "Büchse 1"),
    ],
)
def test_a_cell(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_a_result_of_a_hostile_name_is_one_row_of_text() -> None:
    text = line(Result("=HYPERLINK(1)\n\x07", score=-0.5, defective=False), "csv")
    ((name, score, *_),) = csv.reader(io.StringIO(text))
    assert (name, score) == ("'=HYPERLINK(1)\n\\x07", "-0.5")
