"""Writes a study's tables as text: their cells, Markdown, CSV and LaTeX."""

import csv
import io
from collections.abc import Callable, Sequence

from ..plumbing.cells import safe_cell
from .table import Cell, Line, StudyTable

NONE = "-"
_LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}"}
_LATEX |= {"\\": r"\textbackslash{}", "×": r"$\times$", "±": r"$\pm$", "α": r"$\alpha$"}
_LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def header(table: StudyTable) -> tuple[str, ...]:
    return ("", "", *table.columns)


def text_rows(table: StudyTable) -> list[tuple[str, ...]]:
    """Up to three rows for each line: ours, then the paper's and the difference if there are."""
    return [row for line in table.lines for row in _line_rows(line)]


def _line_rows(line: Line) -> list[tuple[str, ...]]:
    kinds: list[tuple[str, Callable[[Cell], str], bool]] = [
        ("ours", ours, True),
        ("paper", lambda c: number(c.paper), any(c.paper is not None for c in line.cells)),
        ("difference", difference, any(c.difference is not None for c in line.cells)),
    ]
    shown = [(kind, text) for kind, text, there in kinds if there]
    return [
        (line.name if i == 0 else "", kind, *map(text, line.cells))
        for i, (kind, text) in enumerate(shown)
    ]


def number(value: float | None) -> str:
    """A number with three decimals, as the paper prints it; above 10 (speed, memory) with one."""
    if value is None:
        return NONE
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def ours(cell: Cell) -> str:
    spread = "" if cell.spread is None else f" ± {number(cell.spread)}"
    return number(cell.mean) + spread


def difference(cell: Cell) -> str:
    return NONE if cell.difference is None else f"{cell.difference:+.3f}"


def markdown(tables: Sequence[StudyTable], level: int = 2) -> str:
    """Markdown with a section for each table, under a heading of the given level."""
    return "\n".join(_markdown(table, level) for table in tables)


def _markdown(table: StudyTable, level: int) -> str:
    rows = [header(table), ("---", "---", *("---:" for _ in table.columns)), *text_rows(table)]
    body = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    notes = [f"\n{note}" for note in table.notes]
    return "\n".join([f"{'#' * level} {table.title}\n", *body, *notes]) + "\n"


def as_csv(tables: Sequence[StudyTable]) -> str:
    """CSV for other tools: a row for each cell, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("mean", "spread", "seeds", "paper", "difference")
    writer.writerow(("table", "line", "column", *columns))
    for table in tables:
        for line in table.lines:
            for column, cell in zip(table.columns, line.cells, strict=True):
                names = map(safe_cell, (table.title, line.name, column))
                writer.writerow((*names, *_csv_cell(cell)))
    return text.getvalue()


def _csv_cell(cell: Cell) -> tuple[object, ...]:
    values = (cell.mean, cell.spread, len(cell.values), cell.paper, cell.difference)
    return tuple("" if v is None else round(v, 6) for v in values)


def latex(tables: Sequence[StudyTable]) -> str:
    """LaTeX floats that need no package; the notes are the end of the caption."""
    return "\n".join(_latex(table) for table in tables)


def _latex(table: StudyTable) -> str:
    rows = [" & ".join(map(escape, row)) + r" \\" for row in text_rows(table)]
    caption = " ".join([f"{table.title}.", *table.notes])
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{escape(caption)}}}",
            rf"\begin{{tabular}}{{ll{'r' * len(table.columns)}}}",
            r"\hline",
            " & ".join(map(escape, header(table))) + r" \\",
            r"\hline",
            *rows,
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escape(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)
