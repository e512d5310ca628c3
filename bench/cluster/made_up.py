"""Work without backbones, so that nothing but the engine and the writer is measured."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mentor3ad.cache.schema import ArraySpec, StoreManifest
from mentor3ad.engine.dispatch import Dispatcher
from mentor3ad.engine.work import Opened, Seat, Unit
from mentor3ad.publishing.writer import Elsewhere, ShardArrays, write_store

SHARD = 4  # scans
SPEC = ArraySpec("values", (64, 64), "float32")


@dataclass(frozen=True)
class MadeUp:
    """Arrays that a scan's position alone decides.

    Attributes:
        seconds: that a shard takes.
        folder: where each shard that is computed leaves a file; None: nowhere.
    """

    seconds: float
    folder: Path | None = None

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[range, ShardArrays]]:
        yield Opened({"made up": "1"}, self.shard)

    def shard(self, samples: range) -> ShardArrays:
        if self.folder:
            (self.folder / f"{samples.start}-{os.getpid()}").touch()
        time.sleep(self.seconds)
        each = [np.random.default_rng(i).random(SPEC.shape, np.float32) for i in samples]
        return {SPEC.name: np.stack(each)}


@dataclass(frozen=True)
class Empty:
    """Takes some seconds and makes nothing."""

    seconds: float = 0.0

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[int, int]]:
        yield Opened({"made up": "1"}, self.unit)

    def unit(self, item: int) -> int:
        time.sleep(self.seconds)
        return item


def manifest(shards: int) -> StoreManifest:
    """The identity of a made-up store."""
    samples = tuple(f"{i:06d}" for i in range(shards * SHARD))
    return StoreManifest("made_up", "made_up", samples, samples, {}, (SPEC,), "blosc", SHARD)


def write(out: Path, shards: int, staging: Path, workers: Dispatcher[range] | None = None) -> Path:
    """Write a made-up store, by workers or in this process; return its folder."""
    store = manifest(shards)

    def elsewhere(missing: Sequence[int]) -> Iterator[tuple[int, ShardArrays]]:
        assert workers
        yield from workers.results(Unit(i, store.shard_samples(i), f"shard {i}") for i in missing)

    write_store(out, store, Elsewhere(elsewhere) if workers else MadeUp(0).shard, staging)
    return out
