"""Brings results into the order of their units."""

from collections.abc import Iterable, Iterator

from .work import Made


def in_order(results: Iterable[tuple[int, Made]], first: int = 0) -> Iterator[Made]:
    """Yield results by their numbers, from the first on; those that are early are held."""
    early: dict[int, Made] = {}
    for number, made in results:
        early[number] = made
        while first in early:
            yield early.pop(first)
            first += 1
