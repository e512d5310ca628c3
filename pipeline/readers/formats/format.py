"""What makes a format of geometry: how its files are known, and what reads them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .height_map import Heights
from .records import Cloud

Values: TypeAlias = NDArray[Any] | Cloud | Heights


def _never(path: Path) -> bool:
    return False


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: as messages call it.
        suffixes: of its files, in lower case: what a folder's listing takes for geometry. What a
            file is, its content decides.
        signatures: how its files begin, of all formats' the longest that fits; none: any text.
        read: (H, W, 3) points, (H, W) depth or heights, a cloud, or heights with their pitch.
        has_colour: whether a file brings the colours of its points, by its header.
    """

    name: str
    suffixes: frozenset[str]
    signatures: tuple[bytes, ...]
    read: Callable[[Path], Values]
    has_colour: Callable[[Path], bool] = _never


def from_extra(path: Path, module: str) -> ModuleType:
    """A module of the extra `formats`.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DataError(
            f"{path} needs {module.partition('.')[0]} to be read: "
            "run pip install 'mentor3ad[formats]'."
        ) from None
