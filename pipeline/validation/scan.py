"""Checks one scan, read and prepared as the pipeline does it: its measures and its problems."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import SIZE, has_return
from ..dataset.manifest import PlaneState
from ..dataset.scan import RawScan, ScanFiles
from ..params.schema import Preparation
from ..plumbing.errors import DataError, MismatchError, NoReturnError, UnitsError
from ..plumbing.words import counted
from ..preparation.masks import (
    MUCH_CLUTTER,
    check_label,
    check_place,
    clutter_words,
    stray_regions,
)
from ..preparation.prepare import Part, find_part
from ..preparation.resize import resize_mask, resize_points
from ..readers.content import file_digest
from ..readers.layouts import find_layout, read_scan
from ..readers.layouts.problems import Kind, Problem, Report, reporting

# Limits of the diagonal of what a scan shows, metres. A structured-light sensor sees from a few
# millimetres to a few metres. Scenes of 3 mm to 10 m become 3 m to 10 km where millimetres are read
# as metres, and 3 um to 10 mm where metres are read as millimetres. So these limits catch all but
# the smallest and the largest scenes.
MIN_VIEW_M, MAX_VIEW_M = 0.002, 10.0
_BRIGHTEST = 0.995  # of the pixels are no brighter: a few glints do not light a picture
_DARK = 64  # of 255: white in an image of 14 bits that is taken for one of 16
_MUCH_MARKED = 0.5  # of the pixels: no usual defect
_OUTLIERS = (1, 99)  # percentiles, which a few stray returns do not move


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a scan that could be read.

    Attributes:
        height, width: pixels.
        valid_share: share of the pixels that have a return.
        view_m: diagonal of the box around the returns, metres, without 1 % of them on each side.
        preprocessed: whether table and background had been removed before.
        foreground_share: share of the 224 x 224 pixels; None if no part was found.
        part_m: the same diagonal for the part, metres.
        plane: what became of the table.
        clutter: share of the points in dense clusters off the table that were dropped.
        brightness: mean of the image, 0 to 255.
    """

    height: int
    width: int
    valid_share: float
    view_m: float
    preprocessed: bool
    foreground_share: float | None = None
    part_m: float | None = None
    plane: PlaneState | None = None
    clutter: float | None = None
    brightness: float | None = None


@dataclass(frozen=True, slots=True)
class CheckedScan:
    """A scan with all that was found about it.

    Attributes:
        files: where it lies.
        image, geometry: SHA-256 of the image's bytes, and of the geometry's with its sidecars;
            None where one of them cannot be read.
        measures: None if the scan cannot be read.
        problems: in the order in which they were found.
    """

    files: ScanFiles
    image: str | None
    geometry: str | None
    measures: Measures | None
    problems: tuple[Problem, ...]


def check_scan(files: ScanFiles, options: Preparation) -> CheckedScan:
    """Read a scan, find its part and compare its mask with its label; raises nothing."""
    problems: list[Problem] = []
    raw = _read(files, problems.append)
    measures = None if raw is None else _measure(files, raw, options, problems.append)
    if raw is not None:
        _check_mask(files, raw.mask, problems.append)
        if raw.grey_mask and files.mask is not None:
            problems.append(Problem("grey_mask", files.mask, _grey(files)))
    image = geometry = None
    with reporting(problems.append, "unreadable", files.rgb):
        image, geometry = file_digest(files.rgb).hex(), _geometry_sha256(files)
    return CheckedScan(files, image, geometry, measures, tuple(dict.fromkeys(problems)))


def _read(files: ScanFiles, report: Report) -> RawScan | None:
    """The scan, without its mask if that alone is at fault; None if something else is."""
    try:
        return read_scan(files)
    except DataError as error:
        whole = error
    if files.mask is not None:
        try:
            raw = read_scan(replace(files, mask=None))
        except DataError as error:
            whole = error
        else:
            report(Problem("mask", files.mask, str(whole)))
            return raw
    report(_problem(files, whole))
    return None


def _problem(files: ScanFiles, error: DataError) -> Problem:
    """A reader's error as a problem of the file that its sentence names first."""
    kind: Kind = "unreadable"
    if isinstance(error, MismatchError):
        kind = "mismatch"
    elif isinstance(error, UnitsError):
        kind = "units"
    elif isinstance(error, NoReturnError):
        kind = "no_return"
    message = str(error)
    places = {
        message.index(str(path)): path
        for path in (files.rgb, files.points, *files.sidecars.values())
        if str(path) in message
    }
    return Problem(kind, places[min(places)] if places else files.rgb, message)


def _measure(files: ScanFiles, raw: RawScan, options: Preparation, report: Report) -> Measures:
    points = resize_points(raw.points)
    view = _diagonal(points)
    height, width = raw.points.shape[:2]
    valid = float(has_return(raw.points).mean())
    brightness = _check_brightness(files, raw.rgb, report)
    measures = Measures(height, width, valid, view, raw.part_only, brightness=brightness)
    if valid and not MIN_VIEW_M <= view <= MAX_VIEW_M:
        report(Problem("units", files.points, _wrong_units(files, view)))
        return measures
    with reporting(report, "foreground", files.points):
        part = find_part(raw, options, f"{files.id} ({files.points})")
        _check_place(files, raw.mask, part, report)
        if part.clutter > MUCH_CLUTTER:
            message = f"{files.points}: {clutter_words(part.clutter)}."
            report(Problem("clutter", files.points, message))
        return replace(
            measures,
            foreground_share=float(part.foreground.mean()),
            part_m=_diagonal(resize_points(raw.points, part.window)[part.foreground]),
            plane=part.plane,
            clutter=part.clutter,
        )
    return measures


def _check_brightness(files: ScanFiles, rgb: NDArray[np.uint8], report: Report) -> float:
    """The mean brightness, 0 to 255; what is almost black all over is reported."""
    counts = np.bincount(rgb.max(axis=-1).ravel(), minlength=256)  # pixels of each brightness
    brightest = int(np.searchsorted(counts.cumsum(), _BRIGHTEST * counts.sum()))
    if brightest <= _DARK:
        has_bits = "bits" in find_layout(files.layout).params
        bits = "set data.bits if its counts have 10, 12 or 14 bits, or " if has_bits else ""
        message = (
            f"{files.rgb} is almost black, its brightest pixels have {brightest} of 255: {bits}"
            "expose longer."
        )
        report(Problem("dark", files.rgb, message))
    return float(rgb.mean())


def _check_place(
    files: ScanFiles, mask: NDArray[np.uint8] | None, part: Part, report: Report
) -> None:
    """Report a mask that is nowhere on the part, or has regions that are not."""
    if mask is None or files.mask is None or files.label != 1:
        return
    there, whole = resize_mask(mask, part.window), resize_mask(mask)
    if not whole.any():
        return
    with reporting(report, "mask", files.mask):
        check_place(files, there, part.foreground)
        stray = stray_regions(there, part.foreground)
        if stray:
            message = (
                f"{files.mask} has {counted(stray, 'region')} off the part that was found: a "
                "defect there cannot be found; set data.parts to all if it is on another part."
            )
            report(Problem("stray_mask", files.mask, message))


def _wrong_units(files: ScanFiles, view: float) -> str:
    size = f"{view:.3g} m" if view > 1 else f"{view * 1000:.3g} mm"
    has_units = "units" in find_layout(files.layout).params
    remedy = "set data.units" if has_units else "scale it to metres"
    return (
        f"{files.points} shows a scene of {size}, read as {files.units}: the units look wrong, a "
        f"sensor sees {MIN_VIEW_M * 1000:g} mm to {MAX_VIEW_M:g} m; {remedy}."
    )


def _diagonal(points: NDArray[np.float32]) -> float:
    """The diagonal of the box around points that are returns, metres; 0 if there are none."""
    returned = points[has_return(points)]
    if not len(returned):
        return 0.0
    low, high = np.percentile(returned.astype(np.float64), _OUTLIERS, axis=0)
    return float(np.linalg.norm(high - low))


def _check_mask(files: ScanFiles, mask: NDArray[np.uint8] | None, report: Report) -> None:
    if mask is None or files.mask is None:
        return
    with reporting(report, "mask", files.mask):
        check_label(files, mask)
    if files.label == 1 and (mask > 0).mean() > _MUCH_MARKED:
        share = f"{(mask > 0).mean():.1%}"
        message = f"{files.mask} marks {share} of its pixels as a defect: look at it."
        report(Problem("large_mask", files.mask, message))
    if files.label != 1 or resize_mask(mask).any():
        return
    marked = int(mask.astype(bool).sum())
    pixels = f"only {counted(marked, 'pixel')}, none of them left at {SIZE} x {SIZE},"
    what = pixels if marked else "no pixel"
    message = (
        f"{files.mask} marks {what} on a defective scan: mark the defect, or move the scan to good."
    )
    report(Problem("empty_mask", files.mask, message))


def _grey(files: ScanFiles) -> str:
    return (
        f"{files.mask} has values between, as soft edges or a JPEG have: marked is what has at "
        "least half of the largest; save it in two colours to be sure."
    )


def _geometry_sha256(files: ScanFiles) -> str:
    total = hashlib.sha256(file_digest(files.points))
    for role in sorted(files.sidecars):
        total.update(role.encode() + file_digest(files.sidecars[role]))
    return total.hexdigest()
