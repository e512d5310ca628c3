"""Writes the report of a validation for people."""

from __future__ import annotations

from collections.abc import Iterator

from ..dataset.scan import SPLITS
from ..preparation.summary import PLANES
from .report import CategoryReport, DataSetReport, Range, by_kind, severity


def describe(report: DataSetReport, examples: int) -> str:
    """Lines about each category, with at most so many problems of each kind, and all counts."""
    lines = [line for category in report.categories for line in _category(category, examples)]
    errors, warnings = report.count("error"), report.count("warning")
    return "\n".join([*lines, f"{_plural(errors, 'error')}, {_plural(warnings, 'warning')}"])


def _category(report: CategoryReport, examples: int) -> Iterator[str]:
    counts = {split: report.scans[split] for split in SPLITS if report.scans[split]}
    splits = (f"{split} {_kinds(kinds)}" for split, kinds in counts.items())
    yield f"{report.category}: {'; '.join(splits) or 'no scans'}"
    if report.read:
        yield from _figures(report)
    for kind, problems in by_kind(report.problems).items():
        yield f"  {severity(kind)}: {kind} ({len(problems)})"
        yield from (f"    {_shown(problem.message)}" for problem in problems[:examples])
        if len(problems) > examples:
            yield f"    and {len(problems) - examples} more"


def _figures(report: CategoryReport) -> Iterator[str]:
    sizes = ", ".join(f"{n} of {size}" for size, n in report.sizes.items())
    light = f"; brightness {_light(report.brightness)}" if report.brightness else ""
    yield f"  pixels: {sizes}; {_percent(report.valid_share)} with a return{light}"
    yield f"  scene: {_lengths(report.view_m)}; part: {_lengths(report.part_m)}"
    yield f"  foreground: {_percent(report.foreground_share)} of the pixels at 224 x 224"
    if report.clutter is not None and report.clutter.max > 0:
        yield f"  dropped as clutter: {_percent(report.clutter)} of the points off the table"
    planes = [f"{text} in {report.planes[p]}" for p, text in PLANES.items() if p in report.planes]
    if planes:
        yield f"  {', '.join(planes)}"


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{n} {_shown(kind)}" for kind, n in kinds.items())


def _light(brightness: Range) -> str:
    return f"{brightness.median:.0f} of 255 ({brightness.min:.0f} to {brightness.max:.0f})"


def _percent(share: Range | None) -> str:
    if share is None:
        return "none known"
    return f"{share.median:.1%} ({share.min:.1%} to {share.max:.1%})"


def _lengths(length: Range | None) -> str:
    if length is None:
        return "not known"
    return f"{_length(length.median)} ({_length(length.min)} to {_length(length.max)})"


def _length(metres: float) -> str:
    return f"{metres:.3g} m" if metres >= 1 else f"{metres * 1000:.3g} mm"


def _shown(text: str) -> str:
    """A name with escapes for line breaks and for what no terminal can show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _plural(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
