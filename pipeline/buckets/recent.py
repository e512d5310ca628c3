"""What was fetched last, for threads that ask for the same thing at the same time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from ..plumbing.parallel import Once

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")


class Recent(Generic[Key, Kept]):
    """Keeps the last so many things that were asked for; each is fetched once meanwhile.

    A thing that is dropped lives on with those who have it.
    """

    def __init__(self, fetch: Callable[[Key], Kept], count: int) -> None:
        self._fetch, self._count = fetch, count
        self._kept: OrderedDict[Key, Once[Kept]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, key: Key) -> Kept:
        with self._lock:
            found = self._kept.setdefault(key, Once(lambda: self._fetch(key)))
            self._kept.move_to_end(key)
            while len(self._kept) > self._count:
                self._kept.popitem(last=False)
        return found()
