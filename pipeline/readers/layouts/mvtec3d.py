"""The layout of MVTec 3D-AD: CATEGORY/SPLIT/DEFECT/{rgb,xyz,gt}/NNN.{png,tiff}.

SPLIT is train, validation (may be absent) or test; DEFECT is `good` or the name of a defect.
Source: Bergmann et al., "The MVTec 3D-AD data set" (VISAPP 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...dataset.grid import border_band
from ...dataset.scan import GOOD, SPLITS, RawScan, ScanFiles, Split
from ...params.schema import Listing
from ..images import read_raw_scan
from .files import (
    check_category,
    check_partners,
    files_by_stem,
    is_inside,
    is_printable,
    report_ignored,
    visible,
)
from .layout import Layout
from .pairs import ROLE_FOLDERS, find_pairs, pair
from .problems import Problem, Report, refuse

_PNG = (".png",)
_TIFF = (".tiff", ".tif")
_ROLES = ("rgb", "xyz", "gt")
_BORDER_PX = 10  # the band that the preprocessing fitted the table to
_MAX_BORDER_RETURNS = 0.1  # where the part crosses the border
_MIN_BLACK = 0.5  # the sensor's own dropouts keep their colours


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """All scans of a category, ordered by split (train, validation, test), defect and file stem.

    Hidden files and files of other types are ignored; extensions may be in either case.

    Reported: no train or test split; a defect in train or validation; a file without its partner;
    a name that leads out of root or cannot be printed.

    Raises:
        DataError: no such root or category; and what `report` raises.
    """
    found = [path.parent.name for path in root.glob("*/train") if path.is_dir()]
    check_category(root, category, found, "a category is a folder with a train folder in it")
    found_scans = (s for split in SPLITS for s in _list_split(root, category, split, report))
    scans = tuple(replace(scan, invalid=options.invalid) for scan in found_scans)
    folders = [root / category / split for split in SPLITS]
    known = f"the folders of a category are called {', '.join(SPLITS)}, or set data.layout: folder"
    report_ignored(root / category, folders, (*_PNG, *_TIFF), known, report)
    for split in ("train", "test"):
        if not any(scan.split == split for scan in scans):
            where = root / category / split
            message = f"{where} holds no scans: put them into {where}/good/rgb and xyz."
            report(Problem("layout", where, message))
    return scans


def read_scan(files: ScanFiles) -> RawScan:
    """Read a scan; `part_only` where the published preprocessing has been over it.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    raw = read_raw_scan(files.rgb, files.points, files.mask, files.invalid)
    return replace(raw, part_only=is_preprocessed(raw.rgb, raw.points))


def is_preprocessed(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> bool:
    """Whether a scan was left by M3DM's preprocessing script, which the CFM code uses as well.

    It pads the scan to a square and sets the table and stray returns to zero, points and colours
    alike. So the border shows no table, and most pixels without a return are exactly black.

    Args:
        rgb: (H, W, 3) uint8.
        points: (H, W, 3) float32, (0, 0, 0) is no return.
    """
    height, width = points.shape[:2]
    empty = np.asarray(~points.any(axis=-1))
    if height != width or not empty.any():
        return False
    if (~empty[border_band(empty, _BORDER_PX)]).mean() > _MAX_BORDER_RETURNS:
        return False
    return bool((~rgb[empty].any(axis=-1)).mean() >= _MIN_BLACK)


def _list_split(root: Path, category: str, split: Split, report: Report) -> Iterator[ScanFiles]:
    folder = root / category / split
    if not is_inside(root, folder, report) or not folder.is_dir():
        return
    for defect in visible(folder):
        if not defect.is_dir():
            continue
        if split != "test" and defect.name != GOOD:
            message = (
                f"{defect} is a defect in the {split} split, which learns what good parts are "
                f"like: move it to test, or call it {GOOD} if they are good."
            )
            report(Problem("layout", defect, message))
        elif is_inside(root, defect, report):
            yield from _list_defect(root, defect, split, report)
            known = f"the folders of a defect are called {', '.join(_ROLES)}"
            report_ignored(
                defect, [defect / role for role in _ROLES], (*_PNG, *_TIFF), known, report
            )


def _list_defect(root: Path, folder: Path, split: Split, report: Report) -> Iterator[ScanFiles]:
    rgb = files_by_stem(root, folder / "rgb", _PNG, report)
    points = files_by_stem(root, folder / "xyz", _TIFF, report)
    masks = files_by_stem(root, folder / "gt", _PNG, report)
    check_partners(rgb, folder / "xyz", points, ".tiff", report)
    check_partners(points, folder / "rgb", rgb, ".png", report)
    check_partners(masks, folder / "rgb", rgb, ".png", report)
    # Without its mask, a defect's pixels would count as good ones.
    if masks or folder.name != GOOD:
        check_partners(rgb, folder / "gt", masks, ".png", report)
    for stem in sorted(rgb.keys() & points.keys()):
        name = f"{split}/{folder.name}/{stem}"
        if not is_printable(name, rgb[stem], report):
            continue
        yield ScanFiles(
            id=name,
            split=split,
            defect=folder.name,
            label=0 if folder.name == GOOD else 1,
            rgb=rgb[stem],
            points=points[stem],
            mask=masks.get(stem),
        )


MVTEC3D = Layout(
    name="mvtec3d",
    list_scans=list_scans,
    read_scan=read_scan,
    params=frozenset({"invalid"}),
    find=find_pairs,
    pair=pair,
    is_part_only=is_preprocessed,
    role_folders=ROLE_FOLDERS,
)
