"""Fits each rival to a category's good scans, maps the other scans, and rates the maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..compute.device import scan_threads
from ..dataset.grid import SIZE
from ..dataset.manifest import Manifest
from ..exhibits.store import Exhibits
from ..features.pixels import PixelFeatures
from ..features.store import FeatureCache
from ..params.rivals import RivalName
from ..params.schema import Params
from ..plumbing.errors import CacheError
from ..rating.results import Results
from ..splits.good_scans import good_scans
from ..training.data import training_features
from ..training.mapped import check_space, scratch_table
from ..voting.left_out import leave_out
from ..voting.model import decision_threshold, object_score
from .join import CALIBRATED, JOINED, Calibration, smoothed_maps
from .methods import FITS, Rival
from .scans import Scans

Bar = Callable[[Iterable[None]], Iterable[None]]
PointMap = NDArray[np.float32]


@dataclass(frozen=True)
class Rated:
    """What a rival reached on the test scans, and what it cost.

    Attributes:
        content: metrics by map, join and bytes; the same at each run, for the stage's JSON.
        fit_seconds: of fitting; scan_ms: of one more scan while all cores work on others.
    """

    content: dict[str, Any]
    fit_seconds: float
    scan_ms: float


class Comparison:
    """One category's scans, features and truth, which all rivals share."""

    def __init__(
        self,
        params: Params,
        category: str,
        prepared: Path,
        features: Path,
        scratch: Path,
        device: torch.device,
    ) -> None:
        """
        Args:
            prepared, features: the category's folder of the manifest, and its feature store.
            scratch: folder of the files that are mapped.

        Raises:
            DataError, CacheError, TrainingError: see `Manifest.load`, `FeatureCache.open`,
                `split_good_scans`.
        """
        self.params, self.category, self.device = params, category, device
        self._prepared, self._scratch = prepared, scratch
        self._manifest = Manifest.load(prepared)
        self._exhibits = Exhibits.load(prepared, self._manifest)
        self._cache = FeatureCache.open(features, category)
        split = good_scans(self._manifest.rows, params)
        self._held_out = list(split.held_out)
        test = [i for i, row in enumerate(self._manifest.rows) if row.split == "test"]
        self._positions = self._held_out + test
        self._train = Scans(
            training_features(params, category, prepared, features, scratch, device),
            lambda number: self._points(split.train[number]),
        )

    @property
    def train(self) -> Scans:
        """The good scans that rivals are fitted to, the same that train our modules."""
        return self._train

    def scan(self, position: int) -> Scans:
        """The scan at a position of the manifest, alone."""
        features = PixelFeatures([self._cache.scan(position)], self.device)
        return Scans(features, lambda _: self._points(position))

    def rate(self, name: RivalName, bar: Bar = iter) -> Rated:
        """Fit a rival and rate its anomaly map, and each of its score maps alone.

        Args:
            bar: wraps what is done scan by scan, to show progress.

        Raises:
            TrainingError: it cannot be fitted.
            CacheError: no room on the disk for the maps.
        """
        start = time.perf_counter()
        rival = FITS[name](self.train, self.params, self.category)
        fitted = time.perf_counter()
        names = rival.maps if JOINED in rival.maps else (*rival.maps, JOINED)
        maps = self._map_all(rival, len(names), bar)
        seconds = time.perf_counter() - fitted
        with scan_threads(torch.device("cpu")) as pool:  # sorting leaves other threads run
            rated = dict(zip(names, pool.map(self._metrics, maps), strict=True))
        content = {"join": rival.join, "bytes": rival.bytes, "maps": rated}
        return Rated(content, fitted - start, 1e3 * seconds / len(self._positions))

    def _map_all(self, rival: Rival, count: int, bar: Bar) -> NDArray[np.float32]:
        """Smoothed maps (count, N, 224, 224) of held-out and test scans, in a mapped file."""
        maps = self._table(count * len(self._positions)).reshape(count, -1, SIZE, SIZE)
        sides = self.params.voting.smoothing

        def map_scan(number: int) -> None:
            scan = self.scan(self._positions[number])
            scores = np.zeros((len(rival.maps), SIZE * SIZE), dtype=np.float32)
            scores[:, scan.features.foreground[0]] = rival.scores(scan, 0)
            done = smoothed_maps(scores.reshape(-1, SIZE, SIZE), rival.join, sides)
            maps[: len(done), number] = done

        numbers = range(len(self._positions))
        with scan_threads(self.device) as pool:
            for _ in bar(pool.map(map_scan, numbers)):
                pass
        if rival.join == CALIBRATED:
            foreground = self._exhibits.foreground

            def fit(chosen: Iterable[int]) -> Calibration:
                return Calibration.fit(maps[:-1, n, foreground[self._held_out[n]]] for n in chosen)

            count = len(self._held_out)
            whole = fit(range(count))
            for number in numbers[count:]:
                maps[-1, number] = whole.joined(maps[:-1, number])
            for left, others in leave_out(count):  # as our own rule's threshold has them
                calibration = fit(others) if others else whole
                for number in left:
                    maps[-1, number] = calibration.joined(maps[:-1, number])
        return maps

    def _metrics(self, maps: NDArray[np.float32]) -> dict[str, Any]:
        """Metrics and decisions of anomaly maps (N, 224, 224) of held-out and test scans."""
        place = {position: number for number, position in enumerate(self._positions)}
        pairs = ((maps[place[i]], self._exhibits.foreground[i]) for i in self._held_out)
        good = [object_score(*pair) for pair in pairs]
        threshold = decision_threshold(good, self.params.voting.target_fpr)

        results = Results.of(
            self._prepared, self._manifest, lambda position: maps[place[position]], threshold
        )
        metrics = results.rankings(self._scratch).metrics(self.params.evaluate.limits)
        return metrics.to_json() | {"decisions": results.decisions()}

    def _points(self, position: int) -> PointMap:
        return self._exhibits.points(position)

    def _table(self, rows: int) -> NDArray[np.float32]:
        try:
            check_space(self._scratch, rows * SIZE * SIZE * 4)
            return scratch_table(self._scratch, (rows, SIZE * SIZE), torch.float32).numpy()
        except CacheError:
            size = rows * SIZE * SIZE * 4 / 1e9
            raise CacheError(
                f"{self._scratch}: a rival's maps need {size:.2f} GB on this disk for a while; "
                "free some, or set rivals.methods to []"
            ) from None
