"""Checks one category: each of its scans, and what shows only by comparing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from ..dataset.scan import ScanFiles
from ..params.schema import Listing, Preparation
from ..plumbing.parallel import in_threads
from ..readers.layouts import find_layout, list_scans
from ..readers.layouts.problems import Problem, reporting
from .duplicates import find_duplicates
from .scan import CheckedScan, Measures, check_scan

_UNLIKE = 3  # so many times more or less than the category's median is unlike
_ENOUGH = 5  # scans that it takes for a median to say what is usual


@dataclass(frozen=True)
class CheckedCategory:
    """All that was found in a category.

    Attributes:
        category: its name.
        scans: in the order of `list_scans`; one that cannot be listed is only among the problems.
        problems: each once, in the order in which they were found.
    """

    category: str
    scans: tuple[CheckedScan, ...]
    problems: tuple[Problem, ...]


def check_category(
    root: Path,
    category: str,
    layout: Listing,
    options: Preparation,
    *,
    workers: int = 1,
    bar: Callable[[Sequence[ScanFiles]], Iterable[ScanFiles]] = iter,
) -> CheckedCategory:
    """Check every scan of a category; a problem ends the check of its own scan alone.

    Args:
        root: folder of the categories.
        workers: threads.
        bar: wraps the scans, to show how many are done.
    """
    problems: list[Problem] = []
    files: tuple[ScanFiles, ...] = ()
    with reporting(problems.append, "layout", root / category):
        files = list_scans(root, category, layout, problems.append)
    work = partial(check_scan, options=options)
    scans = in_threads(work, files, bar, workers)
    problems += [problem for scan in scans for problem in scan.problems]
    for found in (_missing_masks(files), _unlike(scans)):
        problems += found
    problems += find_duplicates(scans)
    return CheckedCategory(category, tuple(scans), tuple(dict.fromkeys(problems)))


def _missing_masks(files: Sequence[ScanFiles]) -> Iterator[Problem]:
    """Problems of defects without a mask beside others with one, where a layout lets masks lack."""
    defects = [s for s in files if s.label == 1 and not find_layout(s.layout).needs_masks]
    if not any(scan.mask for scan in defects):
        return
    for scan in defects:
        if scan.mask is None:
            message = (
                f"{scan.rgb} shows a defect and has no mask, as others have: add it, or only "
                "object metrics are computed."
            )
            yield Problem("missing_mask", scan.rgb, message)


def _unlike(scans: Sequence[CheckedScan]) -> Iterator[Problem]:
    """Problems of scans that show far more or less of the view or the part than the others."""
    yield from _outliers(scans, "share of pixels with a return", lambda m: m.valid_share)
    yield from _outliers(scans, "foreground share", lambda m: m.foreground_share)
    yield from _outliers(scans, "size of the part in metres", lambda m: m.part_m)


def _outliers(
    scans: Iterable[CheckedScan], what: str, value: Callable[[Measures], float | None]
) -> Iterator[Problem]:
    values = [
        (scan.files.points, number)
        for scan in scans
        if scan.measures is not None and (number := value(scan.measures)) is not None
    ]
    if len(values) < _ENOUGH:
        return
    typical = median(number for _, number in values)
    for path, number in values:
        if not typical / _UNLIKE <= number <= typical * _UNLIKE:
            message = (
                f"{path} has a {what} of {number:.2g}, but the median is {typical:.2g}: look at "
                "the scan."
            )
            yield Problem("unlike", path, message)
