"""A map by threads that does not run away from whoever takes its results."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(
    pool: Executor, count: int, function: Callable[[A], B], items: Iterable[A]
) -> Iterator[B]:
    """`map` in threads, in order: beside the result that is waited for `count` more are begun.

    The items are taken by the caller's thread, when it asks for a result.
    """
    waiting: deque[Future[B]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
