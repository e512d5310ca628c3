"""The layout of 3D-ADAM: CATEGORY/{train,test}/LABEL/{rgb,xyz,ground_truth}/NNN.*.

Source: the published code of the data set (McHard et al., "3D-ADAM: A Dataset for 3D Anomaly
Detection in Additive Manufacturing", 2025). Files are read as a plant's own are, in `data.units`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...dataset.scan import ScanFiles
from ...params.schema import Listing
from .folder import read_scan
from .layout import Layout
from .pairs import ROLE_FOLDERS, find_pairs, pair
from .problems import Report, refuse
from .split_tree import Tree, list_tree

_TREE = Tree(mask="ground_truth", images=(".png",), geometries=(".tiff", ".tif"))


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category; see `list_tree`."""
    return tuple(
        replace(
            scan,
            layout="adam3d",
            units=options.units,
            invalid=options.invalid,
            bits=options.bits,
        )
        for scan in list_tree(root, category, _TREE, report)
    )


ADAM3D = Layout(
    name="adam3d",
    list_scans=list_scans,
    read_scan=read_scan,
    find=find_pairs,
    pair=pair,
    params=frozenset({"units", "invalid", "bits"}),
    role_folders=ROLE_FOLDERS,
)
