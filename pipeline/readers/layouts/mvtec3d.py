"""The layout of MVTec 3D-AD: CATEGORY/SPLIT/DEFECT/{rgb,xyz,gt}/NNN.{png,tiff}.

SPLIT is train, validation (may be absent) or test; DEFECT is `good` or the name of a defect.
Source: Bergmann et al., "The MVTec 3D-AD data set" (VISAPP 2022).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...dataset.grid import border_band, has_return
from ...dataset.scan import RawScan, ScanFiles
from ...params.schema import Listing
from ..images import read_raw_scan
from .layout import Layout
from .pairs import ROLE_FOLDERS, find_pairs, pair
from .problems import Report, refuse
from .split_tree import Tree, list_tree

_TREE = Tree(mask="gt", images=(".png",), geometries=(".tiff", ".tif"))
_BORDER_PX = 10  # the band that the preprocessing fitted the table to
_MAX_BORDER_RETURNS = 0.1  # where the part crosses the border
_MIN_BLACK = 0.5  # the sensor's own dropouts keep their colours


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category, ordered by split, defect and file stem.

    Hidden files and files of other types are ignored; extensions may be in either case.

    Reported: no train or test split; a defect in train or validation; a file without its partner;
    a name that leads out of root or cannot be printed.

    Raises:
        DataError: no such root or category; and what `report` raises.
    """
    scans = list_tree(root, category, _TREE, report)
    return tuple(replace(scan, invalid=options.invalid) for scan in scans)


def read_scan(files: ScanFiles) -> RawScan:
    """Read a scan; `part_only` where the published preprocessing has been over it.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    raw = read_raw_scan(files.rgb, files.points, files.mask, files.invalid)
    return replace(raw, part_only=is_preprocessed(raw.rgb, raw.points))


def is_preprocessed(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> bool:
    """Tell whether M3DM's preprocessing script, which CFM uses as well, has been over a scan.

    It pads the scan to a square and sets the table and stray returns to zero, points and colours
    alike. So the border shows no table, and most pixels without a return are exactly black.

    Args:
        rgb: (H, W, 3) uint8.
        points: (H, W, 3) float32, (0, 0, 0) is no return.
    """
    height, width = points.shape[:2]
    empty = ~has_return(points)
    if height != width or not empty.any():
        return False
    if (~empty[border_band(empty, _BORDER_PX)]).mean() > _MAX_BORDER_RETURNS:
        return False
    return bool((~has_return(rgb[empty])).mean() >= _MIN_BLACK)


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
