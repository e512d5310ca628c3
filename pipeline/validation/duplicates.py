"""Finds content that a category holds twice; in training and test it would flatter the test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..readers.layouts.problems import Problem
from .scan import CheckedScan

Key = Callable[[CheckedScan], object]


def find_duplicates(scans: Sequence[CheckedScan]) -> Iterator[Problem]:
    """Problems of scans whose image or geometry, or both, equal another scan's byte for byte.

    Of two scans in one split the later one has the problem. Of two scans in the test and in train
    or validation it is the test's. Scans that cannot be read are not compared.
    """
    known = [scan for scan in scans if scan.image is not None and scan.geometry is not None]
    yield from _shared(known, "image and geometry", _both, None)
    yield from _shared(known, "image", _image, _geometry)
    yield from _shared(known, "geometry", _geometry, _image)


def _image(scan: CheckedScan) -> object:
    return scan.image


def _geometry(scan: CheckedScan) -> object:
    return scan.geometry


def _both(scan: CheckedScan) -> object:
    return scan.image, scan.geometry


def _shared(
    scans: Sequence[CheckedScan], what: str, key: Key, other: Key | None
) -> Iterator[Problem]:
    """Problems of scans that share a key; given `other`, only where they differ in that."""
    for group in _groups(scans, key):
        test = [scan for scan in group if scan.files.split == "test"]
        learned = [scan for scan in group if scan.files.split != "test"]
        if learned:
            known = {other(scan) for scan in learned} if other else set()
            leaks = [scan for scan in test if not other or other(scan) not in known]
            yield from (_leak(scan, learned[0], what) for scan in leaks)
        rest = learned or test
        if other:
            rest = list({other(scan): scan for scan in rest}.values())
        yield from (_duplicate(scan, rest[0], what) for scan in rest[1:])


def _groups(scans: Sequence[CheckedScan], key: Key) -> Iterable[list[CheckedScan]]:
    """The scans of each key that more than one has, ordered by the first; few have any."""
    seen: set[object] = set()
    shared: set[object] = set()
    for scan in scans:
        (shared if key(scan) in seen else seen).add(key(scan))
    groups: defaultdict[object, list[CheckedScan]] = defaultdict(list)
    for scan in scans:
        if key(scan) in shared:
            groups[key(scan)].append(scan)
    return groups.values()


def _leak(scan: CheckedScan, source: CheckedScan, what: str) -> Problem:
    one, two = _path(scan, what), _path(source, what)
    message = (
        f"{one} in the test has the same {what} as {two} in {source.files.split}: "
        f"{_remedy(what)}, or the test rates what the model has seen."
    )
    return Problem("leak", one, message)


def _duplicate(scan: CheckedScan, source: CheckedScan, what: str) -> Problem:
    one, two = _path(scan, what), _path(source, what)
    return Problem("duplicate", one, f"{one} has the same {what} as {two}: {_remedy(what)}.")


def _remedy(what: str) -> str:
    return "remove one of them" if what == "image and geometry" else "one of them is another scan's"


def _path(scan: CheckedScan, what: str) -> Path:
    return scan.files.points if what == "geometry" else scan.files.rgb
