"""The preparation of scans by workers on other machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from ..buckets.raw import raw_scans
from ..dataset.scan import ScanFiles
from ..engine.hired import hired
from ..engine.kind import machine_kind
from ..engine.order import in_order
from ..engine.work import Opened, Seat, Unit
from ..params.schema import Preparation, Runtime
from ..plumbing.parallel import in_threads
from .kept import Kept
from .prepare import Bar, kept_of

UNIT = 16  # scans, a second or two of work, and some MB of results
LIBRARIES = ("numpy", "scipy", "Pillow", "tifffile")  # that prepare


@dataclass(frozen=True)
class Preparing:
    """Preparation as work for the engine; see `engine.work.Work`.

    Attributes:
        root: folder of the raw categories, or of the inventories of those in a bucket: an absolute
            path that every node has.
    """

    root: Path
    category: str
    options: Preparation

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[Sequence[ScanFiles], list[Kept]]]:
        """Raises DataError where the inventory is damaged."""
        with raw_scans(self.root, self.category) as raw:
            work = partial(kept_of, raw.root, options=self.options, fetching=raw.fetching)

            def prepare(scans: Sequence[ScanFiles]) -> list[Kept]:
                here = [scan.moved(lambda path: raw.root / path) for scan in scans]
                return in_threads(work, here, workers=seat.threads)

            yield Opened(machine_kind(LIBRARIES), prepare)


def by_workers(
    raw: Path, category: str, runtime: Runtime
) -> Callable[[Path, Sequence[ScanFiles], Preparation, Bar], Iterator[Kept]]:
    """Return the `each` of `prepare_category` that has workers of a cluster read the scans.

    It raises ClusterError; see `hired` and `Dispatcher`.

    Args:
        raw: `Preparing.root`.
    """

    def each(
        root: Path, scans: Sequence[ScanFiles], options: Preparation, bar: Bar
    ) -> Iterator[Kept]:
        below = [scan.moved(lambda path: path.relative_to(root)) for scan in scans]
        parts = [below[start : start + UNIT] for start in range(0, len(below), UNIT)]
        units = (
            Unit(number, part, f"the scans {part[0].id} to {part[-1].id}")
            for number, part in enumerate(parts)
        )
        with hired(Preparing(raw, category, options), runtime, gpu=False) as workers:
            made = chain.from_iterable(in_order(workers.results(units)))
            for _, one in zip(bar(scans), made, strict=True):
                yield one

    return each
