"""Inspects scans: makes a decision and an anomaly map of an image and its geometry.

    inspector = Inspector.load(Path("models/bagel"))
    inspection = inspector.inspect(Path("001.png"), Path("001.tiff"))
    if inspection.status == "good": ...

Every step is the stages' own function on the same arrays, the features rounded to float16 as the
store rounds them, so that on the CPU a score equals the one that `evaluate` gives the scan, to the
bit. On another device scans are extracted in batches, as the stages do it there (docs/gpu.md).
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..buckets.raw import Fetching, no_fetching
from ..dataset.grid import SIZE
from ..dataset.scan import RawScan, ScanFiles
from ..extraction.scan import views_of
from ..features.pixels import PixelFeatures
from ..features.store import ScanFeatures
from ..params.project import Project
from ..plumbing.errors import ConfigError, DataError, Mentor3ADError, NoDecisionError
from ..plumbing.logs import LOGGER
from ..plumbing.parallel import ahead
from ..preparation.prepare import PreparedScan, prepare_raw
from ..preparation.traits import scan_traits
from ..readers.content import scan_paths
from ..readers.layouts import read_scan
from ..voting.likeness import MEASURES, measures_of
from ..voting.model import object_score
from .arrays import raw_scan
from .bundle import BUNDLE_FILE, load_bundle
from .extraction import OneByOne, Together
from .finished import load_project
from .found import Inspection
from .model import InspectionModel, check_like_training
from .scans import pair_files
from .thresholds import moved

WARM_UP_SIDE = 128  # pixels of the made-up part


STEPS = ("read", "foreground", "group", "features", "score", "vote")
ScanInput = ScanFiles | tuple[Path | NDArray[np.uint8], Path | NDArray[np.float32]]


T = TypeVar("T")


@dataclass(frozen=True)
class _InHand(Generic[T]):
    """A scan between two steps, and what the last one made of it."""

    scan: PreparedScan
    made: T
    seconds: dict[str, float]
    traits: NDArray[np.float64] | None = None  # where the model knows what they should be


class Inspector:
    """A category's model, ready to inspect. Threads may share it: it holds no state of a scan."""

    def __init__(self, model: InspectionModel, batched: bool | None = None) -> None:
        """Make an inspector of a model that is loaded.

        Args:
            batched: extract scans together, in batches; None: on any device but the CPU.
        """
        self.model = model
        self.batched = model.device.type != "cpu" if batched is None else batched
        way = Together if self.batched else OneByOne
        self.views = views_of(model.settings.features)
        self.extraction: OneByOne | Together = way(model.backbones, model.settings.features)

    @classmethod
    def load(cls, models: Path, category: str | None = None, device: str = "auto") -> "Inspector":
        """Load the model of a bundle, or of a category of a finished project.

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

    def move_threshold(self, threshold: float | None, target_fpr: float | None) -> None:
        """Decide by another threshold, or by that of a false-alarm rate; neither: change nothing.

        Raises:
            ConfigError: the calibration scans cannot promise the rate.
        """
        voting = moved(self.model.voting, threshold, target_fpr)
        self.model = replace(self.model, voting=voting)

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

    def inspect_scan(self, scan: ScanInput) -> Inspection:
        """`inspect` of a scan as `find_scans` lists it, or of (rgb, points)."""
        return self._inspect(self._ready(scan))

    def inspect_batch(
        self,
        scans: Iterable[ScanInput],
        workers: int | None = None,
        batch: int | None = None,
        fetching: Fetching = no_fetching,
    ) -> Iterator[Inspection | DataError]:
        """Inspect many scans, in order; on the CPU each to the same bits as alone.

        The next ones are read and prepared by threads while the networks are busy; no more than
        twice as many as there are threads wait in memory, and three batches where a device takes
        them: one that is read, one on the device and one that is scored.

        Args:
            workers: threads; None: one a core.
            batch: scans that a device takes together; None: `features.shard` of the model. The
                CPU takes one after the other.
            fetching: brings the files of a scan while they are read.

        Yields:
            The inspection, or the error of a scan that cannot be used: it stops no other.

        Raises:
            ConfigError: the device has too little free memory for the batch.
        """
        workers = workers or os.cpu_count() or 1
        size = (batch or self.model.settings.features.shard) if self.batched else 1
        with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(1) as beside:
            extracting: Callable[..., Iterator[Any]] = map
            voting: Callable[..., Iterator[Any]] = map
            if self.batched:  # the device has a batch while the host ends the one before
                extracting, voting = partial(ahead, beside, 1), partial(ahead, pool, workers)
            try:
                read = _or_error(partial(self._ready, fetching=fetching))
                ready = ahead(pool, 2 * workers + size - 1, read, scans)
                extracted = extracting(_guarded(self._extract), _batches(ready, size))
                scored = chain.from_iterable(map(_guarded(self._score), extracted))
                yield from voting(_or_error(self._vote), scored)
            finally:
                for threads in (pool, beside):
                    threads.shutdown(cancel_futures=True)

    def warm_up(self) -> float:
        """Inspect a made-up part, since a first scan is slower; returns the seconds it took."""
        start = time.perf_counter()
        settings = self.model.settings
        groups, any_part = settings.features.points.groups, {"min_points": 1, "crop": "none"}
        raw = _made_up_part(max(WARM_UP_SIDE, math.isqrt(groups) + 1))
        options = settings.preparation.model_copy(update=any_part)
        scan = prepare_raw(raw, options, "the made-up part", self.views)
        self._inspect(_InHand(scan, self.extraction.group(scan), {}))
        return time.perf_counter() - start

    def _inspect(self, ready: _InHand[Any]) -> Inspection:
        """Take a scan through the rest of the steps: `extract`, `score` and `vote`."""
        (scored,) = _guarded(self._score)(_guarded(self._extract)([ready]))
        if isinstance(scored, DataError):
            raise scored
        return self._vote(scored)

    def _ready(self, scan: ScanInput, fetching: Fetching = no_fetching) -> _InHand[Any]:
        """Do `prepare`, and the part of `extract` that needs no network."""
        try:
            with fetching(scan_paths(scan) if isinstance(scan, ScanFiles) else ()):
                return self._prepared(scan)
        except Mentor3ADError:
            raise
        except Exception as error:  # whatever a scan's files lead to is that scan's fault
            raise DataError(f"{_name(scan)} cannot be inspected ({_reason(error)})") from error

    def _prepared(self, scan: ScanInput) -> _InHand[Any]:
        settings, seconds = self.model.settings, dict[str, float]()
        name = _name(scan)
        with _timed(seconds, "read"):
            raw = self._read(scan)
        with _timed(seconds, "foreground"):
            prepared = prepare_raw(raw, settings.preparation, name, self.views)
            likeness = self.model.likeness
            traits = scan_traits(prepared.rgb, prepared.points) if likeness else None
        check_like_training(int(prepared.foreground.sum()), settings, name)
        with _timed(seconds, "group"), _naming(name):
            grouped = self.extraction.group(prepared)
        return _InHand(prepared, grouped, seconds, traits)

    def _read(self, scan: ScanInput) -> RawScan:
        if isinstance(scan, ScanFiles):
            return read_scan(scan)
        rgb, points = scan
        if isinstance(rgb, np.ndarray) and isinstance(points, np.ndarray):
            return raw_scan(rgb, points, self.model.settings.layout)
        if isinstance(rgb, np.ndarray) or isinstance(points, np.ndarray):
            raise DataError("image and geometry must both be files or both be arrays")
        return read_scan(pair_files(rgb, points, self.model))

    def _extract(self, batch: Sequence[Any]) -> list[Any]:
        """Extract the features of the scans of a batch; an error of a scan keeps its place."""
        ready: list[_InHand[Any]] = [one for one in batch if isinstance(one, _InHand)]
        if not ready:
            return list(batch)
        taken = dict[str, float]()
        with _timed(taken, "features"):
            made = self.extraction.features([r.scan for r in ready], [r.made for r in ready])
        each, features = taken["features"] / len(ready), iter(made)

        def extracted(one: _InHand[Any]) -> Any:
            return replace(one, made=next(features), seconds=one.seconds | {"features": each})

        return list(map(_or_error(extracted), batch))

    def _score(self, batch: Sequence[Any]) -> list[Any]:
        """Score the scans of a batch, which a device takes together."""
        good: list[_InHand[ScanFeatures]] = [one for one in batch if isinstance(one, _InHand)]
        if not good:
            return list(batch)
        taken, device = dict[str, float](), self.model.device
        with _timed(taken, "score"):
            if len(good) == 1:
                maps = [self.model.scorer.score_one(PixelFeatures([good[0].made], device))]
            else:
                features = PixelFeatures([one.made for one in good], device)
                maps = list(self.model.scorer.score_together(features))
        each, made = taken["score"] / len(good), iter(maps)

        def scored(one: _InHand[Any]) -> Any:
            return replace(one, made=next(made), seconds=one.seconds | {"score": each})

        return list(map(_or_error(scored), batch))

    def _vote(self, scored: _InHand[NDArray[np.float32]]) -> Inspection:
        seconds, voting = dict(scored.seconds), self.model.voting
        with _timed(seconds, "vote"):
            anomaly, factors = voting.vote(scored.made)
            shares = voting.shares(factors, scored.scan.foreground)
            score = object_score(anomaly, scored.scan.foreground)
            measures, unlike = self._likeness(scored)
        return Inspection(
            score=score,
            threshold=self.threshold,
            anomaly_map=anomaly,
            score_maps=scored.made,
            scan=scored.scan,
            seconds=seconds,
            shares=shares,
            unlike=unlike,
            measures=measures,
        )

    def _likeness(
        self, scored: _InHand[NDArray[np.float32]]
    ) -> tuple[dict[str, float], str | None]:
        """The measures of a scan by name, and why they are unlike those of the training."""
        likeness = self.model.likeness
        if likeness is None or scored.traits is None:
            return {}, None
        found = measures_of(scored.traits, scored.made)
        return dict(zip(MEASURES, found.tolist(), strict=True)), likeness.why(found)


def _or_error(step: Callable[[Any], T]) -> Callable[[Any], T | DataError]:
    """Make a step return a scan's error instead of raising it, and pass on an earlier one."""

    def run(one: Any) -> T | DataError:
        if isinstance(one, DataError):
            return one
        try:
            return step(one)
        except DataError as error:
            return error

    return run


def _guarded(step: Callable[[Sequence[Any]], list[Any]]) -> Callable[[Sequence[Any]], list[Any]]:
    """Make what the networks stumble on, such as a singular matrix, no decision of the batch."""

    def run(batch: Sequence[Any]) -> list[Any]:
        try:
            return step(batch)
        except Mentor3ADError:
            raise
        except Exception as error:
            LOGGER.debug("a step of the networks failed", exc_info=error)
            none = NoDecisionError(f"no decision: the networks failed at it ({_reason(error)})")
            return [one if isinstance(one, DataError) else none for one in batch]

    return run


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


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


def _name(scan: ScanInput) -> str:
    """The name of a scan in messages."""
    if isinstance(scan, ScanFiles):
        return f"{scan.id} ({scan.points})"
    return str(scan[1]) if isinstance(scan[1], Path) else "the scan"


def _made_up_part(side: int) -> RawScan:
    """A wavy square of `side` pixels at 0.5 m, on a grey image."""
    y, x = np.mgrid[:SIZE, :SIZE]
    height = 0.5 + 0.002 * np.sin(x / 9) * np.cos(y / 7)
    points = np.stack([(x - 111.5) * 1e-3, (y - 111.5) * 1e-3, height], axis=-1)
    first = (SIZE - min(side, SIZE)) // 2
    points[~((np.minimum(x, y) >= first) & (np.maximum(x, y) < first + side))] = 0
    grey = np.full((SIZE, SIZE, 3), 120, np.uint8)
    return RawScan(grey, points.astype(np.float32), None, part_only=True)
