"""Work on every scan of a category in threads, in order, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from pipeline.data.scan import ScanFiles

Item = TypeVar("Item")


class Progress(Protocol):
    """Wraps an iterable and shows how far it has come; tqdm is one."""

    def __call__(self, iterable: Iterable[Item], /, *, desc: str, total: int) -> Iterable[Item]: ...


def silent(iterable: Iterable[Item], /, *, desc: str, total: int) -> Iterable[Item]:
    """The `Progress` that shows nothing."""
    return iterable


def map_scans(
    work: Callable[[ScanFiles], Item],
    scans: Sequence[ScanFiles],
    description: str,
    workers: int,
    progress: Progress,
) -> list[Item]:
    """What `work` gives of each scan, in order; the first error in order ends it.

    Args:
        workers: threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        try:
            return list(progress(pool.map(work, scans), desc=description, total=len(scans)))
        except BaseException:  # Ctrl-C too: leave the scans that have not begun
            pool.shutdown(cancel_futures=True)
            raise
