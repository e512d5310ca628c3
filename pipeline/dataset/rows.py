"""Rows of a document that stay in its mapped file until they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from ..seals.mapped import release

Row = TypeVar("Row")
Parse = Callable[[bytes], Sequence[Row]]  # the rows in a piece of the file


class MappedRows(Sequence[Row], Generic[Row]):
    """(N,) rows, of which the pieces that were asked for last are in memory.

    They are parsed each time, so going through them in order is cheap and jumping is not.
    """

    def __init__(
        self, content: memoryview, pieces: Sequence[tuple[int, int, int]], parse: Parse[Row]
    ) -> None:
        """
        Args:
            content: the file, mapped.
            pieces: of each piece, the bytes that it begins and ends at, and its rows.
            parse: rows of a piece, which it was known to hold.
        """
        self._content, self._parse = content, parse
        self._spans = [(start, stop) for start, stop, _ in pieces]
        self._first = [0]  # row of each piece; and how many there are
        for _, _, count in pieces:
            self._first.append(self._first[-1] + count)
        self._last: tuple[int, Sequence[Row]] = (-1, ())

    def _piece(self, number: int) -> Sequence[Row]:
        known, rows = self._last  # read and set at once, for several threads may ask
        if known != number:
            start, stop = self._spans[number]
            rows = self._parse(bytes(self._content[start:stop]))
            release(self._content)
            self._last = number, rows
        return rows

    def __len__(self) -> int:
        return self._first[-1]

    def __iter__(self) -> Iterator[Row]:
        return (row for number in range(len(self._spans)) for row in self._piece(number))

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, place: int | slice) -> Row | tuple[Row, ...]:
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
        return tuple, (tuple(self),)  # a map does not go to another process
