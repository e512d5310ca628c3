"""Scores shards of a category's features, here or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..cache.maps import SCORES
from ..cache.schema import StoreManifest
from ..compute.device import resolve_precision, scan_threads, select_device
from ..compute.process import configure_process
from ..engine.hired import hired
from ..engine.kind import machine_kind
from ..engine.work import Opened, Seat, Unit
from ..features.pixels import PixelFeatures
from ..features.store import FeatureCache
from ..fusion.network import Fusion
from ..guidance.network import Guidance
from ..mentor.modules import load_module
from ..params.schema import Runtime
from ..publishing.writer import Elsewhere, ShardArrays
from .scorer import Scorer

LIBRARIES = ("numpy", "torch")  # that score
Shards = Callable[[range], ShardArrays]


@contextmanager
def score_shards(cache: FeatureCache, scorer: Scorer, device: torch.device) -> Iterator[Shards]:
    """Yield a function from positions of scans to the array `SCORES` of them."""

    def score_scan(position: int) -> np.ndarray:
        return scorer.score_maps(PixelFeatures([cache.scan(position)], device), 0)

    with scan_threads(device) as pool:

        def score_shard(samples: range) -> ShardArrays:
            if device.type != "cpu":
                features = PixelFeatures(list(pool.map(cache.scan, samples)), device)
                return {SCORES.name: scorer.score_together(features)}
            return {SCORES.name: np.stack(list(pool.map(score_scan, samples)))}

        yield score_shard


@dataclass(frozen=True)
class Scoring:
    """Scoring as work for the engine; see `engine.work.Work`.

    Attributes:
        features, mfm, mgm: of the category: absolute paths that every node has.
        precision: `model.precision`.
    """

    category: str
    features: Path
    mfm: Path
    mgm: Path
    precision: str
    runtime: Runtime

    def scorer(self, device: torch.device) -> Scorer:
        """Load the frozen modules. Raises WeightsError; see `load_module`."""
        modules = load_module(Fusion, self.mfm, device), load_module(Guidance, self.mgm, device)
        return Scorer(*modules, self.precision)

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[range, ShardArrays]]:
        """Open the features and load the modules.

        Raises:
            CacheError, WeightsError: see `FeatureCache.open` and `load_module`.
        """
        own = {"device": seat.device, "threads": seat.threads}
        runtime = self.runtime.model_copy(update=own)
        configure_process(runtime)
        device = select_device(runtime)
        cache = FeatureCache.open(self.features, self.category)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        about = machine_kind(LIBRARIES) | {
            "device": name,
            "precision": resolve_precision(device, self.precision),
            "features": cache.store.seal.digest,
        }
        with score_shards(cache, self.scorer(device), device) as score:
            yield Opened(about, score)


@contextmanager
def score_on_cluster(work: Scoring, manifest: StoreManifest) -> Iterator[Elsewhere]:
    """Yield what computes the shards of a store of score maps on the workers of a cluster.

    Raises:
        ClusterError: see `hired` and `Dispatcher`.
    """
    with hired(work, work.runtime, gpu=True) as workers:

        def shards(missing: Sequence[int]) -> Iterator[tuple[int, ShardArrays]]:
            return workers.results(map(unit, missing))

        def unit(shard: int) -> Unit[range]:
            samples = manifest.shard_samples(shard)
            first, last = manifest.samples[samples.start], manifest.samples[samples.stop - 1]
            return Unit(shard, samples, f"shard {shard} (scans {first} to {last})")

        yield Elsewhere(shards)
