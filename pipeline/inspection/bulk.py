"""Inspects many scans in units, here or on a cluster, and writes a Parquet part for each unit.

A part is named by its unit: by the bundle and by the names, sizes and times of its scans' files, or
the marks that a bucket has of them. So a run that is interrupted leaves whole parts, the next one
makes the others, and a scan that was replaced since is inspected again. Parts of no unit are
removed in the end: every scan is in the folder once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..engine.hired import hired
from ..engine.kind import machine_kind
from ..engine.work import Opened, Seat, Unit
from ..params.schema import Runtime
from ..plumbing.errors import ConfigError, DataError, NoDecisionError
from ..plumbing.logs import log_event
from .bundle import BUNDLE_FILE
from .inspector import Inspector
from .parts import Counts, parts_at
from .places import Given, ScansAt, scans_at
from .results import Result

LIBRARIES = ("numpy", "scipy", "timm", "torch")  # that inspect
UNIT = 32  # scans
Bar = Callable[[Sequence[Unit[Given]]], Iterable[Any]]
Made = Iterator[tuple[int, list[Result] | None]]


@dataclass(frozen=True)
class Inspecting:
    """Inspection as work for the engine; see `engine.work.Work`.

    Attributes:
        bundle: an absolute path that every node has, as the scans' are that lie in no bucket.
        batch: see `Inspector.inspect_batch`.
    """

    bundle: Path
    category: str | None
    batch: int | None = None

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[Given, list[Result]]]:
        """Load the bundle. Raises BundleError; see `Inspector.load`."""
        inspector = Inspector.load(self.bundle, self.category, seat.device)
        about = machine_kind(LIBRARIES) | {"bundle": _sha256_of(self.bundle)}

        def inspect(given: Given) -> list[Result]:
            return results(inspector, given, self.batch, seat.threads)

        yield Opened(about, inspect)


def predict_parts(
    inspector: Inspector,
    bundle: Path,
    place: str,
    out: str,
    batch: int | None = None,
    runtime: Runtime | None = None,
    bar: Bar = iter,
) -> Counts:
    """Inspect all scans of a folder or of a place in a bucket; write a Parquet part for each 32.

    Args:
        inspector: of the bundle; it finds the scans, and inspects them where there is no cluster.
        place: of the scans: a folder, or s3://BUCKET/PREFIX.
        out: a folder, or s3://BUCKET/PREFIX.
        batch: see `Inspector.inspect_batch`.
        runtime: of a cluster; None: this process.
        bar: wraps the units, to show how many are done.

    Raises:
        DataError: there is no scan.
        NoDecisionError: the model made a number that is not finite, so it is damaged.
        ConfigError: pyarrow is not installed, or the parts would lie among the scans.
        ClusterError, BucketError: see `hired` and `Bucket`.
    """
    start = time.perf_counter()
    parts = parts_at(out, place)
    found = scans_at(place, inspector.model)
    units = [_unit(found, first) for first in range(0, len(found.scans), UNIT)]
    names = {unit.number: _part(bundle, unit) for unit in units}
    refused = [Result.of(name, DataError(why)) for name, why in sorted(found.refused.items())]
    of_refused = f"refused-{_sha256('', *(f'{r.id} {r.error}' for r in refused))}"
    there = parts.names()
    missing = [unit for unit in units if names[unit.number] not in there]
    with _inspected(inspector, bundle, missing, batch, runtime) as made:
        for _, (number, each) in zip(bar(missing), made, strict=True):
            parts.write(names[number], each or [])
    if refused and of_refused not in there:
        parts.write(of_refused, refused)
    parts.keep({*names.values(), *([of_refused] if refused else [])})
    counts = parts.counts()
    seconds = round(time.perf_counter() - start, 3)
    kept = len(units) - len(missing)
    log_event(
        "predict",
        {"category": inspector.category, "kept": kept, **counts.figures, "seconds": seconds},
    )
    return counts


def results(
    inspector: Inspector, given: Given, batch: int | None, workers: int | None
) -> list[Result]:
    """The results of some scans, in order. Raises NoDecisionError; see `Given.at_hand`."""
    each = []
    with given.at_hand() as here:
        found = inspector.inspect_batch(here.scans, workers, batch, here.fetching)
        for scan, source, one in zip(given.scans, given.sources(), found, strict=True):
            if isinstance(one, NoDecisionError):
                raise one
            made = Result.of(scan.id, one, source, inspector.model.version)
            error, reason = (given.told(text, here) for text in (made.error, made.reason))
            each.append(replace(made, error=error, reason=reason))
    return each


@contextmanager
def _inspected(
    inspector: Inspector,
    bundle: Path,
    units: Sequence[Unit[Given]],
    batch: int | None,
    runtime: Runtime | None,
) -> Iterator[Made]:
    """Yield the results of each unit, in whatever order they are ready."""
    if runtime is None or not units:
        yield ((u.number, results(inspector, u.item, batch, None)) for u in units if u.item)
        return
    work = Inspecting(bundle.absolute(), inspector.category, batch)
    cluster: AbstractContextManager[Any] = hired(work, runtime, gpu=True)
    with cluster as workers:
        yield workers.results(units)


def _unit(found: ScansAt, first: int) -> Unit[Given]:
    given = found.given(slice(first, first + UNIT))
    return Unit(first // UNIT, given, f"the scans {given.scans[0].id} and on")


def _part(bundle: Path, unit: Unit[Given]) -> str:
    assert unit.item
    each = zip(unit.item.scans, unit.item.sources(), strict=True)
    own = [f"{scan.id} {source}" for scan, source in each]
    return f"{unit.number:08d}-{_sha256(_sha256_of(bundle), *own)}"


def _sha256_of(bundle: Path) -> str:
    path = bundle / BUNDLE_FILE
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing: --parquet wants a model bundle (`mentor3ad bundle`)"
        ) from None


def _sha256(*texts: str) -> str:
    joined = "\n".join(texts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(joined).hexdigest()[:32]
