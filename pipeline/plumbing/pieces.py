"""A sequence that is read piece by piece when its items are asked for."""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar, overload

Item = TypeVar("Item")


class InPieces(Sequence[Item], Generic[Item]):
    """(N,) items, of which the piece that was asked for last is in memory.

    A piece is read each time, so going through the items in order is cheap and jumping is not.
    """

    def __init__(self, counts: Iterable[int], read: Callable[[int], Sequence[Item]]) -> None:
        """
        Args:
            counts: how many items each piece has.
            read: the items of a piece, by its number.
        """
        self._read = read
        self._first = list(accumulate(counts, initial=0))  # of each piece, and of one behind
        self._last: tuple[int, Sequence[Item]] = (-1, ())

    def _piece(self, number: int) -> Sequence[Item]:
        known, items = self._last  # both at once, for several threads may ask
        if known != number:
            items = self._read(number)
            self._last = number, items
        return items

    def __len__(self) -> int:
        return self._first[-1]

    def __iter__(self) -> Iterator[Item]:
        return (item for n in range(len(self._first) - 1) for item in self._piece(n))

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Item, ...]: ...

    def __getitem__(self, place: int | slice) -> Item | tuple[Item, ...]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        place = range(len(self))[place]
        number = bisect_right(self._first, place) - 1
        return self._piece(number)[place - self._first[number]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)  # what reads a file here does not go to another process


def parsed_in_pieces(
    content: memoryview,
    span: tuple[int, int],
    between: bytes,
    least: int,
    parse: Callable[[memoryview], Sequence[Item]],
) -> InPieces[Item]:
    """The items in a part of a mapped file, all of which are parsed once, to count them.

    Args:
        span: the bytes that it begins and ends at.
        between: what parts two items.
        least: bytes of a piece, at least, unless it is the last one.
        parse: the items in a piece.
    """
    mapped = content.obj
    assert isinstance(mapped, mmap.mmap)
    spans, counts = [], []
    start, end = span
    while start < end:
        found = mapped.find(between, start + least, end)
        stop = end if found < 0 else found
        spans.append((start, stop))
        counts.append(len(parse(content[start:stop])))
        start = stop + len(between)
    return InPieces(counts, lambda number: parse(content[slice(*spans[number])]))


def repeated(names: Callable[[], Iterable[str]]) -> str | None:
    """The first name that is there twice, if one is.

    Args:
        names: goes through them. It is called again where hashes, which take less memory than the
            names, cannot tell that all differ.
    """
    import numpy as np  # who reads no names needs it not

    hashes = np.fromiter(map(hash, names()), np.int64)
    hashes.sort()
    if not (hashes[1:] == hashes[:-1]).any():
        return None
    return next((name for name, times in Counter(names()).items() if times > 1), None)
