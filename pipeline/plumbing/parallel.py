"""Work in threads whose results come in order, and what threads make once for all of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_threads(
    work: Callable[[Item], Made],
    items: Sequence[Item],
    bar: Callable[[Sequence[Item]], Iterable[Item]] = iter,
    workers: int | None = None,
) -> list[Made]:
    """Return what `one_by_one` yields."""
    return list(one_by_one(work, items, bar, workers))


def one_by_one(
    work: Callable[[Item], Made],
    items: Sequence[Item],
    bar: Callable[[Sequence[Item]], Iterable[Item]] = iter,
    workers: int | None = None,
) -> Iterator[Made]:
    """Yield what `work` makes of each item, in order; the first error in that order is raised.

    This pays for work that lets other threads run meanwhile, such as decoding pictures. Few
    results wait to be taken, however many items there are.

    Args:
        bar: wraps the items, to show how many are done.
        workers: threads; None: one a core.
    """
    count = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        try:
            results = ahead(pool, 2 * count, work, items)
            for _, result in zip(bar(items), results, strict=True):
                yield result
        finally:  # after Ctrl-C too: items that have not begun are left
            pool.shutdown(cancel_futures=True)


class Once(Generic[Made]):
    """Something that is made when the first of several threads asks for it, and once."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make, self._made = make, list[Made]()
        self._lock = Lock()

    def __call__(self) -> Made:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


def ahead(
    pool: Executor, count: int, work: Callable[[Item], Made], items: Iterable[Item]
) -> Iterator[Made]:
    """Map `work` over items in a pool, with at most `count` calls begun beside the awaited one.

    So a slow consumer holds the pool back. The items are taken in the caller's thread, when it
    asks for a result.
    """
    waiting: deque[Future[Made]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
