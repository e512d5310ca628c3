"""The report of a validation: the figures of each category, and its problems by severity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal, get_args

from ..dataset.manifest import PlaneState
from ..dataset.scan import GOOD, SPLITS, Split
from ..params.schema import Listing, Preparation
from ..plumbing.documents import dump_json
from ..readers.layouts.problems import Kind, Problem
from .category import CheckedCategory
from .scan import Measures

SCHEMA = 1
Severity = Literal["error", "warning"]

# These are warnings: the pipeline runs and its results mean what they say, but somebody should
# look. Every other kind stops a stage or makes a metric wrong.
WARNINGS: frozenset[Kind] = frozenset(
    {
        "empty_mask",
        "missing_mask",
        "unlike",
        "duplicate",
        "ignored",
        "grey_mask",
        "large_mask",
        "stray_mask",
        "clutter",
        "dark",
    }
)


def severity(kind: Kind) -> Severity:
    """Whether a kind of problem is an error or a warning."""
    return "warning" if kind in WARNINGS else "error"


@dataclass(frozen=True)
class Range:
    """The range of one figure over the scans of a category."""

    min: float
    median: float
    max: float


@dataclass(frozen=True)
class CategoryReport:
    """What a category holds.

    Attributes:
        scans: number by split and kind, "good", the defect's name or "unknown".
        sizes: number of scans by size, "HEIGHTxWIDTH" in pixels.
        read: scans that could be read; the figures below are of these.
        preprocessed: how many of them had their table and background removed before.
        planes: number of scans by what became of the table.
        valid_share, foreground_share, view_m, part_m, clutter, brightness: as in `Measures`; None
            if no scan has it.
        problems: in the order in which they were found.
    """

    category: str
    scans: dict[Split, dict[str, int]]
    sizes: dict[str, int]
    read: int
    preprocessed: int
    planes: dict[PlaneState, int]
    valid_share: Range | None
    foreground_share: Range | None
    view_m: Range | None
    part_m: Range | None
    problems: tuple[Problem, ...]
    clutter: Range | None = None
    brightness: Range | None = None


@dataclass(frozen=True)
class DataSetReport:
    """What a data set holds."""

    root: Path
    layout: Listing
    options: Preparation
    categories: tuple[CategoryReport, ...]

    def count(self, wanted: Severity) -> int:
        """The number of problems of one severity."""
        found = (problem for category in self.categories for problem in category.problems)
        return sum(severity(problem.kind) == wanted for problem in found)

    def exit_code(self, strict: bool) -> int:
        """2 if there are errors, or warnings that count as errors; else 0."""
        return 2 if self.count("error") or (strict and self.count("warning")) else 0

    def to_json(self) -> str:
        """The report as JSON: lengths in metres, shares from 0 to 1, paths as they were given."""
        content = {
            "schema": SCHEMA,
            "root": str(self.root),
            "layout": {name: getattr(self.layout, name) for name in Listing.model_fields},
            "options": self.options.to_json(),
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "categories": [_category_content(category) for category in self.categories],
        }
        return dump_json(content, indent=1) + "\n"


def summarize(checked: CheckedCategory) -> CategoryReport:
    """Make the report of a checked category."""
    measures = [scan.measures for scan in checked.scans if scan.measures is not None]
    files = [scan.files for scan in checked.scans]
    return CategoryReport(
        category=checked.category,
        scans={
            split: _kinds(scan.defect for scan in files if scan.split == split) for split in SPLITS
        },
        sizes=dict(Counter(f"{m.height}x{m.width}" for m in measures)),
        read=len(measures),
        preprocessed=sum(m.preprocessed for m in measures),
        planes=dict(Counter(m.plane for m in measures if m.plane is not None)),
        valid_share=_range(measures, lambda m: m.valid_share),
        foreground_share=_range(measures, lambda m: m.foreground_share),
        view_m=_range(measures, lambda m: m.view_m),
        part_m=_range(measures, lambda m: m.part_m),
        clutter=_range(measures, lambda m: m.clutter),
        brightness=_range(measures, lambda m: m.brightness),
        problems=checked.problems,
    )


def _kinds(defects: Iterable[str]) -> dict[str, int]:
    """The number of scans of each kind, the good ones first."""
    counts = Counter(sorted(defects))
    return {kind: counts[kind] for kind in sorted(counts, key=lambda kind: kind != GOOD)}


def by_kind(problems: Sequence[Problem]) -> dict[Kind, list[Problem]]:
    """The problems of each kind that there is, errors first."""
    kinds: list[Kind] = sorted(get_args(Kind), key=lambda kind: severity(kind) != "error")
    groups = {kind: [p for p in problems if p.kind == kind] for kind in kinds}
    return {kind: group for kind, group in groups.items() if group}


def _range(measures: Sequence[Measures], value: Callable[[Measures], float | None]) -> Range | None:
    values = [number for m in measures if (number := value(m)) is not None]
    return Range(min(values), median(values), max(values)) if values else None


def _category_content(category: CategoryReport) -> dict[str, object]:
    problems = [
        {
            "kind": problem.kind,
            "severity": severity(problem.kind),
            "path": str(problem.path),
            "message": problem.message,
        }
        for problem in category.problems
    ]
    return asdict(category) | {"problems": problems}
