"""Progress bars with a rate and an ETA on standard error; nothing where it is no terminal."""

from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(
    items: Iterable[T], description: str, unit: str, total: int | None = None, scale: int = 1
) -> Iterator[T]:
    """Iterate, showing how many items are done, the rate and the time left.

    Args:
        unit: what is counted, such as scan.
        total: number of items, where their length does not say it.
        scale: how many units one item is.
    """
    return iter(
        tqdm(
            items,
            desc=description,
            unit=unit,
            total=total,
            unit_scale=scale,
            disable=None,
            leave=False,
        )
    )


def byte_bar(description: str, total: int | None, initial: int) -> "tqdm[NoReturn]":
    """A bar for a download, which the caller updates with the bytes that arrive.

    Args:
        total: bytes of the whole file; None: unknown.
        initial: bytes that are there already.
    """
    return tqdm(
        desc=description,
        total=total,
        initial=initial,
        unit="B",
        unit_scale=True,
        disable=None,
        leave=False,
    )
