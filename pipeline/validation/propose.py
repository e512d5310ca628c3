"""Looks at a folder of scans that nobody has described, and proposes how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TypeGuard

import numpy as np

from ..dataset.scan import ScanFiles
from ..params.schema import Crop, Data, Units
from ..plumbing.documents import dump_json
from ..plumbing.errors import DataError, NoReturnError
from ..readers.layouts import find_layout, read_scan
from .arrangement import Arrangement, find_arrangements
from .scan import MIN_VIEW_M, CheckedScan, Measures, check_scan

LOOKED_AT = 4  # scans of each category
MOST_LOOKED_AT = 24  # in all
SMALL_PART = 0.35  # of the picture: below it the square around the part is worth more
WIDEST_M = 3.0  # of a scene: what is wider is in another unit, or no part's scan


@dataclass(frozen=True)
class Proposal:
    """How a folder can be read.

    Attributes:
        arrangement: where the scans lie.
        units, invalid, crop: values of data.units, data.invalid and data.crop.
        part_m: the median diagonal of a part, metres; None: none was found.
        part_share: the median share of the picture that the part covers; None likewise.
        looked_at: the number of scans that this is from, which can be read in this way.
    """

    arrangement: Arrangement
    units: Units
    invalid: float | None
    crop: Crop
    part_m: float | None
    part_share: float | None
    looked_at: int

    @property
    def values(self) -> Mapping[str, str]:
        """YAML text of each param that it sets, beside the root and the categories."""
        return {
            "data.layout": self.arrangement.layout,
            "data.units": self.units,
            "data.invalid": "null" if self.invalid is None else dump_json(self.invalid),
            "data.crop": self.crop,
        }


def propose(scans: Path, data: Data) -> Proposal:
    """Return how a folder of scans can be read; a few of them are looked at.

    Args:
        scans: one category, or a folder of them.
        data: where the values come from that are not looked for.

    Raises:
        ConfigError: it is no folder, or no layout finds scans in it.
        DataError: none of the scans can be read in any unit; the sentence is the first one's.
    """
    why: DataError | None = None
    for arrangement in find_arrangements(scans.absolute(), data):
        files = [one for found in arrangement.scans.values() for one in _spread(found)]
        files = files[:MOST_LOOKED_AT]
        invalid = _invalid(files, data.invalid)
        best: Proposal | None = None
        for units in _units(arrangement.layout):
            checked = [_look(one, units, invalid, data) for one in files]
            read = [one.measures for one in checked if _plausible(one.measures)]
            if len(read) > (best.looked_at if best else 0):
                best = _proposal(arrangement, units, invalid, read)
            if len(read) == len(files):
                break
            why = why or _first_problem(checked)
        if best is not None:
            return best
    raise why or DataError(
        f"{scans} holds scans of which none shows a scene of {MIN_VIEW_M * 1000:g} mm to "
        f"{WIDEST_M:g} m, in metres or in millimetres: look at the unit of the geometry."
    )


def _spread(files: Sequence[ScanFiles]) -> list[ScanFiles]:
    """A few good scans, evenly over the list."""
    good = [one for one in files if one.label == 0]
    places = np.linspace(0, len(good) - 1, min(LOOKED_AT, len(good))).astype(int)
    return [good[place] for place in places]


def _units(layout: str) -> tuple[Units, ...]:
    """The units to try; in the first one a scan in the other is far too large, or refused."""
    return ("m", "mm") if "units" in find_layout(layout).params else ("m",)


def _invalid(files: Sequence[ScanFiles], given: float | None) -> float | None:
    """The number for no return that a reader asks to be named."""
    for one in files if given is None else ():
        for units in _units(one.layout):
            try:
                read_scan(replace(one, mask=None, units=units, invalid=None))
            except NoReturnError as error:
                return error.value
            except DataError:
                continue
    return given


def _look(files: ScanFiles, units: Units, invalid: float | None, data: Data) -> CheckedScan:
    """A scan as it is read in a unit, with its whole view."""
    options = data.preparation.model_copy(update={"crop": "none"})
    return check_scan(replace(files, mask=None, units=units, invalid=invalid), options)


def _plausible(read: Measures | None) -> TypeGuard[Measures]:
    """Whether a scan can be read, and shows a scene of a size that sensors see."""
    return read is not None and MIN_VIEW_M <= read.view_m <= WIDEST_M


def _first_problem(checked: Sequence[CheckedScan]) -> DataError | None:
    for one in checked:
        for problem in one.problems:
            return DataError(problem.message)
    return None


def _proposal(
    arrangement: Arrangement, units: Units, invalid: float | None, read: Sequence[Measures]
) -> Proposal:
    parts = [one.part_m for one in read if one.part_m is not None]
    shares = [one.foreground_share for one in read if one.foreground_share is not None]
    share = median(shares) if shares else None
    crop: Crop = "part" if share is not None and share < SMALL_PART else "none"
    part = median(parts) if parts else None
    return Proposal(arrangement, units, invalid, crop, part, share, len(read))
