"""The inspection of scans: from an image and its geometry to a decision and an anomaly map.

    inspector = Inspector.load(Path("models/bagel"))
    inspection = inspector.inspect(Path("001.png"), Path("001.tiff"))
    if inspection.defective: ...

Every step is the stages' own function on the same arrays, the features rounded to float16 as the
store rounds them, so that a score equals the one that `evaluate` gives the scan, to the bit.
"""

import math
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.cache.features import ScanFeatures
from pipeline.data.layouts import read_scan
from pipeline.data.prepare import PreparedScan, prepare_raw
from pipeline.data.resize import SIZE
from pipeline.data.scan import RawScan, ScanFiles
from pipeline.errors import ConfigError, DataError
from pipeline.features.extract import Geometry, extract_one, scan_geometry
from pipeline.inspection.arrays import raw_scan
from pipeline.inspection.bundle import BUNDLE_FILE, load_bundle
from pipeline.inspection.finished import load_project
from pipeline.inspection.model import Model
from pipeline.inspection.scans import pair_files
from pipeline.pixels import PixelFeatures
from pipeline.project import Project
from pipeline.voting import object_score

WARM_UP_SIDE = 128  # pixels of the made-up part


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found on one scan; all maps are 224 x 224, as the networks saw it.

    Attributes:
        score: object score, the anomaly map's maximum over the foreground.
        threshold: a part with a score above it is defective.
        anomaly_map: (224, 224) float32, at least 0. It spreads up to 19 pixels past the
            foreground, over pixels where a crack returned no point.
        score_maps: (3, 224, 224) float32, S_RGB, S_XYZ and S_Mtr; 0 on the background.
        scan: the image and the points (metres, camera frame) as the networks saw them.
        seconds: of each step, in the order of `STEPS`.
    """

    score: float
    threshold: float
    anomaly_map: NDArray[np.float32]
    score_maps: NDArray[np.float32]
    scan: PreparedScan
    seconds: Mapping[str, float]

    @property
    def defective(self) -> bool:
        """The decision."""
        return self.score > self.threshold

    @property
    def foreground(self) -> NDArray[np.bool_]:
        """(224, 224) bool: pixels with a point of the part."""
        return self.scan.foreground

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(224, 224) bool: foreground above the threshold; empty where the part is good."""
        threshold = np.float64(self.threshold)  # a plain float would be rounded to float32
        return np.asarray((self.anomaly_map > threshold) & self.foreground)


STEPS = ("read", "foreground", "group", "features", "score", "vote")
Scan = ScanFiles | tuple[Path | NDArray[np.uint8], Path | NDArray[np.float32]]


@dataclass(frozen=True)
class _Ready:
    """A scan before the networks."""

    scan: PreparedScan
    geometry: Geometry
    seconds: dict[str, float]


class Inspector:
    """A category's model, ready to inspect. Threads may share it: it holds no state of a scan."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @classmethod
    def load(cls, models: Path, category: str | None = None, device: str = "auto") -> "Inspector":
        """A bundle, or a category of a finished project.

        Args:
            models: a bundle's folder, or the folder of a project's params.yaml.
            category: needed for a project; of a bundle it is checked, where it is given.
            device: auto (CUDA where there is one), cpu, cuda or cuda:N.

        Raises:
            BundleError, ConfigError, DataError, CacheError, WeightsError: neither of the two, or
                not whole, or no longer what its params say.
        """
        if (models / BUNDLE_FILE).exists() or not Project(models).params.exists():
            return cls(load_bundle(models, category, device))
        if category is None:
            raise ConfigError(f"{models} is a project: name one of its categories")
        return cls(load_project(models, category, device))

    @property
    def category(self) -> str:
        return self.model.category

    @property
    def threshold(self) -> float:
        return self.model.voting.threshold

    def inspect(
        self, rgb: Path | NDArray[np.uint8], points: Path | NDArray[np.float32]
    ) -> Inspection:
        """Inspect one scan.

        Args:
            rgb: file, in a format of the layout that the model was trained on, or (H, W, 3) uint8.
            points: file, or (H, W, 3) float32 point map: metres, camera frame, (0, 0, 0) is no
                return.

        Raises:
            DataError: a file or array is refused, or shows too little of the part.
        """
        return self.inspect_scan((rgb, points))

    def inspect_scan(self, scan: Scan) -> Inspection:
        """`inspect` of a scan as `find_scans` lists it, or of (rgb, points)."""
        return self._decide(self._ready(scan))

    def inspect_batch(
        self, scans: Iterable[Scan], workers: int | None = None
    ) -> Iterator[Inspection | DataError]:
        """Inspect many scans, in order, each to the same bits as alone.

        The next ones are read and prepared by threads while the networks are busy; no more than
        twice as many as there are threads wait in memory.

        Args:
            workers: threads; None: one a core.

        Yields:
            The inspection, or the error of a scan that cannot be used: it stops no other.
        """
        workers = workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[_Ready]] = deque()
            try:
                for scan in scans:
                    waiting.append(pool.submit(self._ready, scan))
                    if len(waiting) > 2 * workers:
                        yield self._outcome(waiting.popleft())
                while waiting:
                    yield self._outcome(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def warm_up(self) -> float:
        """Run a made-up part through, since a first scan is slower; the seconds that it took."""
        start = time.perf_counter()
        options = self.model.settings.features.points
        scan = _made_up_part(max(WARM_UP_SIDE, math.isqrt(options.groups) + 1))
        self._decide(_Ready(scan, scan_geometry(scan, options), {}))
        return time.perf_counter() - start

    def _outcome(self, ready: Future[_Ready]) -> Inspection | DataError:
        try:
            return self._decide(ready.result())
        except DataError as error:
            return error

    def _ready(self, scan: Scan) -> _Ready:
        """`prepare`, and of `extract` what needs no network."""
        settings, seconds = self.model.settings, dict[str, float]()
        name = _name(scan)
        with _timed(seconds, "read"):
            raw = self._read(scan)
        with _timed(seconds, "foreground"):
            prepared = prepare_raw(raw, settings.preparation, name)
        with _timed(seconds, "group"), _naming(name):
            geometry = scan_geometry(prepared, settings.features.points)
        return _Ready(prepared, geometry, seconds)

    def _read(self, scan: Scan) -> RawScan:
        if isinstance(scan, ScanFiles):
            return read_scan(scan)
        rgb, points = scan
        if isinstance(rgb, np.ndarray) and isinstance(points, np.ndarray):
            return raw_scan(rgb, points, self.model.settings.layout)
        if isinstance(rgb, np.ndarray) or isinstance(points, np.ndarray):
            raise DataError("image and geometry must both be files or both be arrays")
        return read_scan(pair_files(rgb, points, self.model))

    def _decide(self, ready: _Ready) -> Inspection:
        """The networks, the three maps and the decision: `extract`, `score`, `vote`."""
        seconds = dict(ready.seconds)
        with _timed(seconds, "features"):
            features = self._features(ready)
        with _timed(seconds, "score"):
            maps = self._score_maps(features)
        with _timed(seconds, "vote"):
            anomaly = self.model.voting.anomaly_map(maps)
            score = object_score(anomaly, ready.scan.foreground)
        return Inspection(score, self.threshold, anomaly, maps, ready.scan, seconds)

    def _features(self, ready: _Ready) -> ScanFeatures:
        options = self.model.settings.features
        arrays = extract_one(ready.scan, ready.geometry, self.model.backbones, options)
        return ScanFeatures.of(arrays, options.points.pool)

    def _score_maps(self, features: ScanFeatures) -> NDArray[np.float32]:
        return self.model.scorer.score_one(PixelFeatures([features], self.model.device))


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - start


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the scan in an error that only knows its points."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


def _name(scan: Scan) -> str:
    """What calls the scan in a message."""
    if isinstance(scan, ScanFiles):
        return f"{scan.id} ({scan.points})"
    return str(scan[1]) if isinstance(scan[1], Path) else "the scan"


def _made_up_part(side: int) -> PreparedScan:
    """A wavy square of `side` pixels at 0.5 m, on a grey image."""
    y, x = np.mgrid[:SIZE, :SIZE]
    height = 0.5 + 0.002 * np.sin(x / 9) * np.cos(y / 7)
    points = np.stack([(x - 111.5) * 1e-3, (y - 111.5) * 1e-3, height], axis=-1)
    first = (SIZE - min(side, SIZE)) // 2
    points[~((np.minimum(x, y) >= first) & (np.maximum(x, y) < first + side))] = 0
    return PreparedScan(np.zeros((3, SIZE, SIZE), np.float32), points.astype(np.float32))
