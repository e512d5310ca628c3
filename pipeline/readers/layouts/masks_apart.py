"""Masks in a tree of their own beside the splits: CATEGORY/ground_truth/DEFECT/001_mask.png."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ...dataset.scan import ScanFiles
from ..formats.image import IMAGE_SUFFIXES
from .files import composed, is_inside, visible
from .pairs import scan_name
from .problems import Problem, Report


def find_masks(root: Path, folders: Iterable[Path], report: Report) -> dict[str, Path]:
    """Return the masks below some folders by scan: "DEFECT/001", or "001" right in the folder.

    A folder called test between them counts for nothing. Reported and left out: the second mask of
    one scan, and links that lead out of root.
    """
    masks: dict[str, Path] = {}
    for name, path in _images(root, folders, "", report):
        if name in masks:
            message = f"{path} and {masks[name]} are both the mask of one scan: remove one."
            report(Problem("missing_pair", path, message))
            continue
        masks[name] = path
    return masks


def with_masks(
    scans: Iterable[ScanFiles], masks: dict[str, Path], report: Report
) -> Iterator[ScanFiles]:
    """Yield the scans with their masks.

    Reported: a mask without its scan, and one of a scan that has its own.

    Args:
        masks: as `find_masks` gives them.
    """
    left = dict(masks)
    for scan in scans:
        mask = left.pop(scan.id.removeprefix("test/"), None)
        if mask is not None and scan.mask is not None:
            message = f"{mask} and {scan.mask} are both the mask of one scan: remove one."
            report(Problem("missing_pair", mask, message))
        yield scan if mask is None or scan.mask is not None else replace(scan, mask=mask)
    for name, path in left.items():
        message = f"{path} has no image, no test scan called {name!r}: add it or remove this."
        report(Problem("missing_pair", path, message))


def _images(
    root: Path, folders: Iterable[Path], prefix: str, report: Report
) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in visible(folder) if is_inside(root, folder, report) else ():
            if path.is_dir():
                below = "" if path.name.casefold() == "test" else f"{composed(path.name)}/"
                yield from _images(root, [path], prefix + below, report)
            elif path.suffix.lower() in IMAGE_SUFFIXES and is_inside(root, path, report):
                yield prefix + scan_name(path), path
