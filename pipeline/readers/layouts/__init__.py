"""The layouts of data sets. Each is a module with the same two functions; they meet here."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from ...dataset.scan import Layout, RawScan, ScanFiles
from ...params.schema import Listing
from . import eyecandies, folder, mvtec3d
from .problems import Report, refuse

__all__ = ["list_scans", "read_scan"]

_LAYOUTS: dict[Layout, ModuleType] = {
    "mvtec3d": mvtec3d,
    "eyecandies": eyecandies,
    "folder": folder,
}


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """All scans of a category, in an order that depends on their names alone.

    Args:
        report: is called with each thing that is not laid out as `options` says, and listing goes
            on with what is whole; by default the first one raises.

    Raises:
        DataError: no such root or category; and what `report` raises: one sentence names the path.
    """
    module = _LAYOUTS[options.layout]
    scans: tuple[ScanFiles, ...] = module.list_scans(root, category, options, report)
    return scans


def read_scan(files: ScanFiles) -> RawScan:
    """Read one scan as its layout stores it.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    scan: RawScan = _LAYOUTS[files.layout].read_scan(files)
    return scan
