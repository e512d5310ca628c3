"""The counts that pixel metrics are read from, of scans that are read one at a time.

Metrics of pixels need no sorted normal pixels, only how many of them lie above each threshold; and
only the distinct scores of the anomalous pixels count as thresholds. So two passes over the scans
are exact. The first collects what lies inside regions, to be sorted (`marked.py`). The second sorts
the normal pixels of one scan at a time into a histogram whose bins are the thresholds themselves
and what lies between two of them (`bins.py`). All its counts are integers. Thresholds are so many
at a time in memory; where there are more, the second pass is made again for the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..plumbing.errors import DataError
from .aupro import PixelRanking, label_regions
from .bins import Bins
from .columns import parts_of
from .marked import MarkedPixels
from .ranking import finite_scores
from .thresholds import Thresholds

GROUP = 1 << 25  # thresholds that are in memory, at 20 bytes each

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


class CountedPixels:
    """The pixels of all scans, counted: the rankings of all of them and of each kind are read off.

    A kind is ranked with the scans of a `shared` kind, the good ones, as if there were no other.
    """

    def __init__(
        self, scans: PixelScans, kinds: Sequence[str], shared: str, folder: Path | None = None
    ) -> None:
        """
        Args:
            kinds: of each scan.
            folder: of what does not fit in memory, see `Column`.

        Raises:
            DataError: see `PixelScans.read` and `MarkedPixels.add`.
        """
        self._scans, self._kinds, self._shared = scans, kinds, shared
        self._folder = folder
        self._normal = dict.fromkeys([*kinds, shared], 0)  # pixels
        self._regions = dict.fromkeys(self._normal, 0)
        self._marked: dict[int, None] = {}
        self._all: Thresholds
        self._own: dict[str, Thresholds] = {}  # of each kind, if there are several
        pixels = self._collect()
        if self._marked:
            self._find_thresholds(pixels)
            self._count()

    @property
    def marked(self) -> Collection[int]:
        """The scans with anomalous pixels."""
        return self._marked.keys()

    def _collect(self) -> MarkedPixels:
        """The anomalous pixels of all scans, by the numbers of their kinds."""
        pixels = MarkedPixels(self._folder)
        numbers = {kind: number for number, kind in enumerate(self._normal)}
        for scan, kind in enumerate(self._kinds):
            scores, truth, normal = self._scans.read(scan)
            self._normal[kind] += int(np.count_nonzero(normal))
            if truth.any():
                labels, count = label_regions(truth[None])
                region = labels[0][truth]
                pixels.add(scores[truth], np.bincount(region)[region], numbers[kind])
                self._regions[kind] += count
                self._marked[scan] = None
        return pixels

    def _find_thresholds(self, marked: MarkedPixels) -> None:
        """Find the thresholds of all scans, and of each kind if there are several."""
        pixels = marked.sorted()
        make = partial(Thresholds, pixels.dtype["score"], self._folder)
        regions = {kind: count for kind, count in self._regions.items() if count}
        self._all = make(sum(regions.values()))
        if len({*self._kinds} - {self._shared}) > 1:  # else a kind's are those of all
            self._own = {kind: make(n) for kind, n in regions.items() if kind != self._shared}
        numbers = {kind: number for number, kind in enumerate(self._normal)}
        for part in parts_of(len(pixels)):
            some = pixels[part]
            self._all.add(some)
            for kind, one in self._own.items():
                one.add(some[some["kind"] == numbers[kind]])
        for one in (self._all, *self._own.values()):
            one.close()

    def _count(self) -> None:
        """Count the normal pixels at all thresholds."""
        scores = self._all.scores
        for part in parts_of(len(scores), GROUP):
            self._count_at(scores[part][::-1].copy())

    def _count_at(self, scores: Scores) -> None:
        """Count normal pixels at the next thresholds, which ascend, in a pass over all scans."""
        shared, others = Bins(scores), Bins(scores)
        bins = {}
        for kind, one in self._own.items():
            bins[kind] = Bins(one.uncounted(scores[0], len(scores))[::-1].copy())
        for scan, kind in enumerate(self._kinds):
            values, _, normal = self._scans.read(scan)
            own = [others, *(bins[name] for name in (kind,) if name in bins)]
            values = np.sort(values[normal])
            for some in [shared] if kind == self._shared else own:
                some.add(values)
        for part in parts_of(len(scores)):
            self._note(scores[::-1][part], shared, others, bins)

    def _note(self, scores: Scores, shared: Bins, others: Bins, bins: Mapping[str, Bins]) -> None:
        """Note what was counted at the next thresholds, which descend."""
        above, at_least = shared.take(len(scores))
        more_above, more = others.take(len(scores))
        self._all.count(above + more_above, at_least + more)
        for kind, one in self._own.items():
            wanted = one.uncounted(scores[-1], len(scores))
            place = np.searchsorted(-scores, -wanted)
            own_above, own = bins[kind].take(len(wanted))
            one.count(own_above + above[place], own + at_least[place])

    def ranking(self, kind: str | None = None) -> PixelRanking | None:
        """The ranking of all scans' pixels, or of a kind's and the shared scans'.

        None unless there are anomalous and normal pixels.
        """
        kinds = self._normal if kind is None else {kind, self._shared}
        normal = sum(self._normal[one] for one in kinds)
        marked = any(self._regions[one] for one in (self._normal if kind is None else [kind]))
        if not marked or not normal:
            return None
        return (self._all if kind is None else self._own.get(kind, self._all)).ranking(normal)


def rank_pixels(maps: Maps, masks: Masks, folder: Path | None = None) -> PixelRanking:
    """Rank the pixels of anomaly maps (n, H, W) under ground-truth masks (n, H, W), 0 = normal.

    Args:
        folder: see `CountedPixels`.

    Raises:
        DataError: shapes differ, a score is not finite, or no pixel is anomalous or none is normal.
    """
    if len(maps) != len(masks):
        raise DataError(f"{len(maps)} maps and {len(masks)} masks are not both (n, H, W).")
    ranking = CountedPixels(PixelScans(maps, masks), ["all"] * len(maps), "none", folder).ranking()
    if ranking is None:
        raise DataError("a ranking of pixels needs anomalous and normal ones.")
    return ranking
