"""Problems of a data set are refused at once, or reported one by one while listing goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...plumbing.errors import DataError

# What a problem is about: the folders, a name or link, a file without its partner, a file that
# cannot be read, files of one scan that do not fit each other, the unit of length, a number
# for no return that nobody named, the mask, the part in the scan, few returns,
# folders that are ignored, and content that is there twice: in the test and where the model learns,
# or within those two.
Kind = Literal[
    "layout",
    "name",
    "missing_pair",
    "unreadable",
    "mismatch",
    "units",
    "no_return",
    "mask",
    "empty_mask",
    "grey_mask",
    "large_mask",
    "stray_mask",
    "clutter",
    "dark",
    "missing_mask",
    "foreground",
    "unlike",
    "ignored",
    "leak",
    "duplicate",
]


@dataclass(frozen=True)
class Problem:
    """This is one thing that is wrong with a data set.

    Attributes:
        kind: what it is about.
        path: the file or folder to look at.
        message: one sentence that names file, value and remedy.
    """

    kind: Kind
    path: Path
    message: str


Report = Callable[[Problem], None]


def refuse(problem: Problem) -> None:
    """The `Report` that stops at the first problem; a folder that is ignored is none.

    Raises:
        DataError: with the problem's sentence.
    """
    if problem.kind != "ignored":
        raise DataError(problem.message)


@contextmanager
def reporting(report: Report, kind: Kind, path: Path) -> Iterator[None]:
    """Report a DataError of the block, which ends there; what follows the block goes on."""
    try:
        yield
    except DataError as error:
        report(Problem(kind, path, str(error)))
