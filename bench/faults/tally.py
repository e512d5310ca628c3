"""Counts of what became of faults, by what was broken."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXAMPLES = 5  # kept of each bad verdict in a row


@dataclass(frozen=True)
class Verdict:
    """What became of one fault.

    Attributes:
        name: a column of the kind's table.
        bad: whether it breaks a promise.
    """

    name: str
    bad: bool


REFUSED = Verdict("refused", False)  # one sentence and a non-zero exit code
HARMLESS = Verdict("no effect", False)  # the command ended well, with the bytes of the reference
SAME = Verdict("same bytes", False)  # what a kill left, and a rerun, ended in the reference
READ = Verdict("read", False)  # hostile, and yet a valid input
HELD = Verdict("no fault", False)  # of a parser that is fuzzed: it read or refused an input
SILENT = Verdict("silent change", True)
TRACEBACK = Verdict("traceback", True)
HUNG = Verdict("hung", True)
CRASHED = Verdict("crashed", True)  # by a signal, such as a segmentation fault or no memory
HALF = Verdict("half-written", True)
ORPHAN = Verdict("outlived", True)  # a process wrote on after its parent was killed
LEFTOVER = Verdict("leftover", True)
STUCK = Verdict("rerun failed", True)
ESCAPED = Verdict("read outside", True)
MEMORY = Verdict("too much memory", True)
DIFFERS = Verdict("differs", True)


@dataclass
class Tally:
    """The counts of one kind of faults: a row for each thing that was broken."""

    rows: dict[str, Counter[Verdict]] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)  # of bad verdicts, by row and name
    notes: Counter[str] = field(default_factory=Counter)  # what else is worth a line, and how often

    def add(self, row: str, verdict: Verdict, example: str = "", count: int = 1) -> None:
        """Count one trial, or several alike; the first few examples of a bad verdict are kept."""
        self.rows.setdefault(row, Counter())[verdict] += count
        kept = self.examples.setdefault(f"{row}: {verdict.name}", [])
        if verdict.bad and len(kept) < EXAMPLES:
            kept.append(example)

    @property
    def trials(self) -> int:
        return sum(counts.total() for counts in self.rows.values())

    @property
    def bad(self) -> int:
        return sum(n for counts in self.rows.values() for v, n in counts.items() if v.bad)

    def to_json(self) -> dict[str, Any]:
        """The rows with their counts by verdict, and the examples of what is bad."""
        rows = {row: {v.name: n for v, n in counts.items()} for row, counts in self.rows.items()}
        bad = {v.name for counts in self.rows.values() for v in counts if v.bad}
        examples = {name: texts for name, texts in self.examples.items() if texts}
        return {"rows": rows, "bad": sorted(bad), "examples": examples, "notes": dict(self.notes)}


def markdown(rows: Mapping[str, Mapping[str, int]]) -> str:
    """A table of counts: a line for each row, a column for each verdict, and their sums."""
    names = list(dict.fromkeys(name for counts in rows.values() for name in counts))
    lines = [_cells("what", "trials", *names), _cells("---", *["---:"] * (1 + len(names)))]
    lines += [_line(row, counts, names) for row, counts in rows.items()]
    if len(rows) > 1:
        sums: Counter[str] = Counter()
        for counts in rows.values():
            sums.update(counts)
        lines.append(_line("all", sums, names))
    return "\n".join(lines) + "\n"


def _line(row: str, counts: Mapping[str, int], names: list[str]) -> str:
    numbers = [counts.get(name, 0) for name in names]
    return _cells(row, f"{sum(numbers):,}", *(f"{number:,}" for number in numbers))


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
