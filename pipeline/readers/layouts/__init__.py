"""The layouts of data sets. A new one is a module that makes a `Layout`, and its line below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...dataset.scan import RawScan, ScanFiles
from ...params.schema import Listing
from ...plumbing.errors import ConfigError, Mentor3ADError
from ...plumbing.pieces import repeated
from ..formats.checks import damaged
from .adam3d import ADAM3D as ADAM3D
from .eyecandies import EYECANDIES as EYECANDIES
from .folder import FOLDER as FOLDER
from .folder import LOOSE as LOOSE
from .layout import Layout
from .mvtec3d import MVTEC3D as MVTEC3D
from .problems import Problem, Report, refuse
from .real_iad_d3 import REAL_IAD_D3 as REAL_IAD_D3

__all__ = ["LAYOUTS", "find_layout", "list_scans", "read_scan"]

# Every layout that is imported above, by its name.
LAYOUTS: dict[str, Layout] = {one.name: one for one in vars().values() if isinstance(one, Layout)}


def find_layout(name: str) -> Layout:
    """Return the layout of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in LAYOUTS:
        known = ", ".join(sorted(LAYOUTS))
        raise ConfigError(f"data.layout = {name!r} is not a layout; the known ones are {known}")
    return LAYOUTS[name]


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category, in an order that depends on their names alone.

    Args:
        report: is called with each thing that is not laid out as `options` says, and listing goes
            on with what is whole; by default the first one raises.

    Raises:
        ConfigError: there is no such layout.
        DataError: no such root or category; and what `report` raises: one sentence names the path.
    """
    scans = find_layout(options.layout).list_scans(root, category, options, report)
    _report_repeated_ids(scans, report)
    return scans


def _report_repeated_ids(scans: Sequence[ScanFiles], report: Report) -> None:
    """Report each id that two scans have, as those of the folders val and validation may."""
    if repeated(lambda: (scan.id for scan in scans)) is None:
        return
    known: dict[str, ScanFiles] = {}
    for scan in scans:
        other = known.setdefault(scan.id, scan)
        if other is not scan:
            message = f"{scan.rgb} and {other.rgb} are both {scan.id}: rename one of them."
            report(Problem("name", scan.rgb, message))


def read_scan(files: ScanFiles) -> RawScan:
    """Read one scan as its layout stores it.

    Raises:
        ConfigError: there is no such layout.
        DataError: a file is refused, or their sizes differ. Whatever a decoder of a foreign library
            stumbles on is one as well.
    """
    layout = find_layout(files.layout)
    try:
        return layout.read_scan(files)
    except Mentor3ADError:
        raise
    except Exception as error:
        raise damaged(files.points, error) from error
