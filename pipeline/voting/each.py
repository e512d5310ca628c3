"""A sequence of what a function makes of the items of another one, each time it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Each(Sequence[Made], Generic[Item, Made]):
    """Holds no result, so that results that are large are in memory one at a time."""

    items: Sequence[Item]
    make: Callable[[Item], Made]

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, place: int) -> Made: ...

    @overload
    def __getitem__(self, place: slice) -> Each[Item, Made]: ...

    def __getitem__(self, place: int | slice) -> Made | Each[Item, Made]:
        if isinstance(place, slice):
            return Each(self.items[place], self.make)
        return self.make(self.items[place])
