"""Results as Markdown: a table a measurement, a column a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

SHARES = {
    "share_of_limit": "share of the limit",
    "share_of_products": "products",
    "share_of_memory": "memory",
    "share_of_python": "Python",
}
Marks = tuple[str, str]
START, END = BENCH = "<!-- mentor3ad bench: start -->", "<!-- mentor3ad bench: end -->"
GPU = "<!-- bench gpu: start -->", "<!-- bench gpu: end -->"


def markdown(result: Mapping[str, Any]) -> str:
    """All tables of a result, as `bench.run.measure` gives it."""
    sections = (section(name, measured) for name, measured in result["results"].items())
    return "\n".join([f"{machine_line(result)}\n", *sections])


def section(name: str, measured: Mapping[str, Any]) -> str:
    """A measurement's table under its title."""
    lines = table(measured["rows"]) if measured["rows"] else [measured["left_out"]]
    return "\n".join([f"### {name}: {measured['title']}", "", *lines, ""])


def machine_line(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ", no GPU"
    vector = f" ({', '.join(machine['instructions'])})" if machine["instructions"] else ""
    load = result["load_average"]
    busy = f"; load average {load[0]:.1f} before, {load[1]:.1f} after" if load else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores{vector}, {machine['ram_gb']} GB{gpu}; "
        f"Python {machine['python']}, torch {machine['torch']}; commit {result['commit']}"
        f"{', quick run' if result['settings']['quick'] else ''}{busy}."
    )


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "what"))
    head = ["", *map(_title, keys)]
    lines = [_line(head), "|---" * len(head) + "|"]
    return lines + [_line([row["what"], *(_text(key, row) for key in keys)]) for row in rows]


def with_tables(page: str, tables: str, marks: Marks = BENCH) -> str:
    """A page with the tables between two marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    before, start, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise ValueError(f"no {marks[0]} and {marks[1]}")
    return f"{before}{start}\n{tables}{end}{after}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(key: str) -> str:
    """`peak_rss_mb`: peak RSS MB."""
    if key in SHARES:
        return SHARES[key]
    units = {"mb": "MB", "rss": "RSS", "gpu": "GPU", "gb": "GB", "cpu": "CPU", "gflop": "GFLOP"}
    words = key.replace("_per_", "/").split("_")
    return " ".join("/".join(units.get(part, part) for part in word.split("/")) for word in words)


def _text(key: str, row: Mapping[str, Any]) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if key in SHARES:
        return f"{100 * value:.0f} %"
    if isinstance(value, list):
        return ", ".join(_number(one) for one in value)
    return value if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """Three digits that count, no exponent."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
