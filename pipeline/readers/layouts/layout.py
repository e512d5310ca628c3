"""A layout of a data set is one object, which its module makes and the registry names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...dataset.scan import RawScan, ScanFiles
from ...params.schema import Listing
from .problems import Problem, Report


@dataclass(frozen=True)
class Pair:
    """These are the files of one scan.

    Attributes:
        rgb, points: the image and the geometry, one file where a cloud brings its own colours.
        mask: None where there is none.
        sidecars: as in `ScanFiles`.
    """

    rgb: Path
    points: Path
    mask: Path | None = None
    sidecars: Mapping[str, Path] = field(default_factory=dict)


@dataclass
class Found:
    """These are the scans of one folder, each by its name there.

    Attributes:
        pairs: complete scans.
        unusable: scans of which a file is missing or there twice, with the sentence that says so.
        refused: files and folders that are no part of any scan, with the sentence that says why;
            they stop no other.
    """

    pairs: dict[str, Pair] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)

    def refuse(self, problem: Problem) -> None:
        """A `Report` that notes what is refused, and goes on."""
        if problem.kind != "ignored":
            self.refused.setdefault(problem.path, problem.message)


class Choices(Protocol):
    """Finding a scan's files depends on these params besides the layout.

    Attributes:
        light: data.light.
        own_colours: whether a cloud that brings its own colours needs no image.
    """

    @property
    def light(self) -> int: ...

    @property
    def own_colours(self) -> bool: ...


def _never(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> bool:
    return False


def _none(home: Path) -> Iterable[Path]:
    return ()


@dataclass(frozen=True)
class Layout:
    """A layout says how the scans of a data set lie on the disk, and how one of them is read.

    Attributes:
        name: value of data.layout.
        list_scans: returns all scans of a category, in an order that depends on their names alone.
            Arguments are the folder of the categories, the category, the options and a `Report`.
        read_scan: reads one of them; DataError where a file is refused or their sizes differ.
        find: returns the scans that lie in one folder, whatever it is called, as prediction needs
            it. Arguments are the folder that no link may leave, the folder and the choices.
        pair: returns the name of a scan and its files from its image and its geometry; DataError
            where a file that belongs to them is missing.
        params: further keys of `data` that the layout reads; "units" among them where the lengths
            need not be metres.
        needs_masks: whether listing insists on the mask of every defect.
        is_part_only: tells by a scan's image and points whether table and background were removed
            before, for scans that are given as arrays.
        role_folders: names of folders, in lower case, that hold one kind of file of the scans
            around them, and no scans of their own.
        read_to_list: yields the files of a category's folder whose content `list_scans` reads; of
            all others it needs the name alone.
    """

    name: str
    list_scans: Callable[[Path, str, Listing, Report], tuple[ScanFiles, ...]]
    read_scan: Callable[[ScanFiles], RawScan]
    find: Callable[[Path, Path, Choices], Found]
    pair: Callable[[Path, Path, Choices], tuple[str, Pair]]
    params: frozenset[str] = frozenset()
    needs_masks: bool = True
    is_part_only: Callable[[NDArray[np.uint8], NDArray[np.float32]], bool] = _never
    role_folders: frozenset[str] = frozenset()
    read_to_list: Callable[[Path], Iterable[Path]] = _none
