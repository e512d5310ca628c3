"""The counts that pixel metrics are read from, of scans that are read one at a time.

Metrics of pixels need no sorted normal pixels, only how many of them lie above each threshold; and
only the distinct scores of the anomalous pixels count as thresholds. So two passes over the scans
are exact. The first holds what lies inside regions, some bytes for each anomalous pixel. The second
sorts the normal pixels of one scan at a time into a histogram whose bins are the thresholds
themselves and what lies between two of them. All its counts are integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plumbing.errors import DataError
from .aupro import PixelRanking, label_regions, rank_marked
from .ranking import IntArray, finite_scores

Scores = NDArray[np.floating]
Maps = Sequence[Scores] | Scores
Masks = Sequence[NDArray[np.generic]] | NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class PixelScans:
    """Anomaly maps, their ground truth, and which of their pixels count.

    All are (H, W) arrays, which a sequence may read when it is asked for them.

    Attributes:
        maps: higher means more anomalous.
        masks: non-zero means anomalous.
        valid: True on the pixels that count; None: all do.
    """

    maps: Maps
    masks: Masks
    valid: Masks | None = None

    def read(self, scan: int) -> tuple[Scores, NDArray[np.bool_], NDArray[np.bool_]]:
        """The scores of a scan, where it is anomalous and where it is normal.

        Raises:
            DataError: the shapes differ or a score is not finite.
        """
        scores, truth = finite_scores(self.maps[scan]), np.asarray(self.masks[scan]) != 0
        if scores.shape != truth.shape or scores.ndim != 2:
            raise DataError(
                f"masks of shape {truth.shape} do not fit maps of {scores.shape}: they are not "
                f"both (H, W) in scan {scan}."
            )
        if self.valid is None:
            return scores, truth, ~truth
        valid = np.asarray(self.valid[scan], dtype=bool)
        return scores, truth & valid, ~truth & valid


@dataclass(frozen=True, eq=False)
class Marked:
    """The pixels of some scans that lie inside regions.

    Attributes:
        scores: (P,), scan after scan, row after row.
        region: (P,) int32, from 1, of each pixel.
        n_regions: how many regions there are.
    """

    scores: Scores
    region: NDArray[np.int32]
    n_regions: int

    @classmethod
    def joined(cls, parts: Sequence[Marked]) -> Marked:
        """The pixels of several, in order, whose regions are numbered on."""
        if not parts:
            return cls(np.zeros(0), np.zeros(0, np.int32), 0)
        counts = [part.n_regions for part in parts]
        before = np.cumsum([0, *counts[:-1]], dtype=np.int32)
        regions = [part.region + first for part, first in zip(parts, before, strict=True)]
        scores = np.concatenate([part.scores for part in parts])
        return cls(scores, np.concatenate(regions), sum(counts))


class Bins:
    """How many normal pixels are at and between thresholds.

    Attributes:
        thresholds: (K,), distinct and ascending.
    """

    def __init__(self, thresholds: Scores, most: int) -> None:
        """
        Args:
            most: no more pixels are added.
        """
        self.thresholds = thresholds
        self._counts = np.zeros(2 * len(thresholds) + 1, np.min_scalar_type(most))

    def add(self, normal: Scores) -> None:
        """Add the scores (N,) of some pixels, sorted and ascending."""
        if not len(normal):
            return
        first = _begins(normal)  # most pixels off the part are 0: one search is enough for them
        values, counts = normal[first], np.diff(first, append=len(normal))
        place = np.searchsorted(self.thresholds, values)
        bins = 2 * place + (self.thresholds[np.minimum(place, len(self.thresholds) - 1)] == values)
        first = _begins(bins)
        self._counts[bins[first]] += np.add.reduceat(counts, first).astype(self._counts.dtype)

    def joined(self, other: Bins) -> Bins:
        """The pixels of both, which have the same thresholds."""
        both = Bins(self.thresholds, 0)
        both._counts = self._counts + other._counts
        return both

    def above(self) -> tuple[IntArray, IntArray]:
        """How many pixels are above each threshold, and how many at or above; highest first."""
        total = np.cumsum(self._counts[::-1], dtype=np.int64)
        return total[0:-1:2], total[1::2]


def _begins(values: NDArray[Any]) -> IntArray:
    """Where each run of equal ones begins among sorted values, of which there is at least one."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))


class CountedPixels:
    """The pixels of all scans, counted: the rankings of all of them and of each kind are read off.

    A kind is ranked with the scans of a `shared` kind, the good ones, as if there were no other.
    """

    def __init__(self, scans: PixelScans, kinds: Sequence[str], shared: str) -> None:
        """
        Args:
            kinds: of each scan.

        Raises:
            DataError: see `PixelScans.read`.
        """
        self._kinds, self._shared = kinds, shared
        self._normal = dict.fromkeys([*kinds, shared], 0)  # pixels
        self._parts: dict[int, Marked] = {}
        for scan, kind in enumerate(kinds):
            scores, truth, normal = scans.read(scan)
            self._normal[kind] += int(np.count_nonzero(normal))
            if truth.any():
                labels, count = label_regions(truth[None])
                self._parts[scan] = Marked(scores[truth], labels[0][truth], count)
        if self._parts:
            self._count(scans)

    @property
    def marked(self) -> Iterable[int]:
        """The scans with anomalous pixels."""
        return self._parts

    def _count(self, scans: PixelScans) -> None:
        most = sum(self._normal.values())
        thresholds = self._thresholds(None)
        self._of_shared, self._of_others = Bins(thresholds, most), Bins(thresholds, most)
        self._own: dict[str, Bins] = {}
        alone = len({*self._kinds} - {self._shared}) == 1  # then a kind's are all the others
        for kind in dict.fromkeys(self._kinds[scan] for scan in self._parts):
            self._own[kind] = self._of_others if alone else Bins(self._thresholds(kind), most)
        for scan, kind in enumerate(self._kinds):
            scores, _, normal = scans.read(scan)
            values = np.sort(scores[normal])
            bins = {id(b): b for b in (self._of_others, self._own.get(kind, self._of_others))}
            for one in [self._of_shared] if kind == self._shared else bins.values():
                one.add(values)

    def _thresholds(self, kind: str | None) -> Scores:
        return np.unique(Marked.joined(self._parts_of(kind)).scores)

    def _parts_of(self, kind: str | None) -> list[Marked]:
        return [p for scan, p in self._parts.items() if kind is None or kind == self._kinds[scan]]

    def ranking(self, kind: str | None = None) -> PixelRanking | None:
        """The ranking of all scans' pixels, or of a kind's and the shared scans'.

        None unless there are anomalous and normal pixels.
        """
        marked = Marked.joined(self._parts_of(kind))
        kinds = self._normal if kind is None else {kind, self._shared}
        normal = sum(self._normal[one] for one in kinds)
        if not len(marked.scores) or not normal:
            return None
        above, at_least = self._above(kind)
        return rank_marked(marked.scores, marked.region, marked.n_regions, above, at_least, normal)

    def _above(self, kind: str | None) -> tuple[IntArray, IntArray]:
        """`Bins.above` of all scans, or of a kind's with the shared scans' at the kind's scores."""
        if kind is None:
            return self._of_shared.joined(self._of_others).above()
        own, thresholds = self._own[kind], self._of_shared.thresholds
        place = len(thresholds) - 1 - np.searchsorted(thresholds, own.thresholds)[::-1]
        pairs = zip(own.above(), self._of_shared.above(), strict=True)
        above, at_least = (ours + theirs[place] for ours, theirs in pairs)
        return above, at_least


def rank_pixels(maps: Maps, masks: Masks) -> PixelRanking:
    """Rank the pixels of anomaly maps (n, H, W) under ground-truth masks (n, H, W), 0 = normal.

    Raises:
        DataError: shapes differ, a score is not finite, or no pixel is anomalous or none is normal.
    """
    if len(maps) != len(masks):
        raise DataError(f"{len(maps)} maps and {len(masks)} masks are not both (n, H, W).")
    scans = PixelScans(maps, masks)
    ranking = CountedPixels(scans, ["all"] * len(maps), "none").ranking()
    if ranking is None:
        raise DataError("a ranking of pixels needs anomalous and normal ones.")
    return ranking
