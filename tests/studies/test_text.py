"""Markdown, CSV and LaTeX of one table."""

import csv

from mentor3ad.studies.table import Cell, Line, StudyTable
from mentor3ad.studies.text import as_csv, latex, markdown, number

TABLE = StudyTable(
    title="Modules",
    columns=("I-AUROC", "AUPRO@1%"),
    lines=(
        Line("w/o Vote & Mtr", (Cell((0.9, 0.92), 0.954, True), Cell((), None, True))),
        Line("ours|only", (Cell((0.5,), None, True), Cell((0.25,), None, True))),
    ),
    notes=("A note.",),
)


def test_markdown() -> None:
    assert markdown([TABLE]).splitlines() == [
        "## Modules",
        "",
        "|  |  | I-AUROC | AUPRO@1% |",
        "| --- | --- | ---: | ---: |",
        "| w/o Vote & Mtr | ours | 0.910 ± 0.014 | - |",
        "|  | paper | 0.954 | - |",
        "|  | difference | -0.044 | - |",
        r"| ours\|only | ours | 0.500 | 0.250 |",
        "",
        "A note.",
    ]


def test_csv_has_every_cell_in_full() -> None:
    rows = list(csv.DictReader(as_csv([TABLE]).splitlines()))
    assert len(rows) == 4
    assert rows[0] == {
        "table": "Modules",
        "line": "w/o Vote & Mtr",
        "column": "I-AUROC",
        "mean": "0.91",
        "spread": "0.014142",
        "seeds": "2",
        "paper": "0.954",
        "difference": "-0.044",
    }
    assert (rows[1]["mean"], rows[1]["seeds"], rows[1]["paper"]) == ("", "0", "")


def test_latex_escapes_and_closes() -> None:
    text = latex([TABLE])
    assert r"w/o Vote \& Mtr & ours & 0.910 $\pm$ 0.014 & - \\" in text
    assert r"I-AUROC & AUPRO@1\% \\" in text
    assert r"\caption{Modules. A note.}" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_numbers_are_as_the_paper_prints_them() -> None:
    assert [number(v) for v in (0.9714, 21.7551, 1613.3, None)] == ["0.971", "21.8", "1613.3", "-"]
