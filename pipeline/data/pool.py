"""Work in threads whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

from pipeline.data.scan import ScanFiles

Item = TypeVar("Item")
Made = TypeVar("Made")


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


def ahead(
    pool: Executor, count: int, work: Callable[[Item], Made], items: Iterable[Item]
) -> Iterator[Made]:
    """A map that does not run away: beside the result that is waited for `count` more are begun.

    The items are taken by the caller's thread, when it asks for a result.
    """
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
