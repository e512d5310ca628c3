"""How a folder that nobody has described holds scans: its categories and their layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..dataset.scan import ScanFiles
from ..params.categories import category_folders, check_category_name
from ..params.schema import Data
from ..plumbing.errors import ConfigError, DataError
from ..readers.layouts import LAYOUTS, list_scans
from ..readers.layouts.files import MAX_FOLDERS_DEEP, visible
from ..readers.layouts.folder import GOOD_NAMES, SPLIT_NAMES
from ..readers.layouts.pairs import pair_files
from ..readers.layouts.problems import Problem

_OWN = ("folder", "loose", "adam3d")  # what also reads the trees of other layouts comes last
_MOST_FOLDERS = 2000  # that are looked into for scans which lie deeper


@dataclass(frozen=True)
class Arrangement:
    """One way to read a folder.

    Attributes:
        root: the folder of the categories.
        layout: value of data.layout.
        scans: of each category that has good scans to learn from, by its name.
        left_out: names of folders beside them in which the layout finds none.
    """

    root: Path
    layout: str
    scans: Mapping[str, tuple[ScanFiles, ...]]
    left_out: tuple[str, ...] = ()


def find_arrangements(scans: Path, data: Data) -> list[Arrangement]:
    """Return the ways in which a folder can be read, the one that finds most scans first.

    The folder is one category where it has folders of splits or of good scans, or scans right in
    it; else its folders are the categories, which all have one layout.

    Args:
        scans: an absolute path.
        data: where the values come from that no folder tells.

    Raises:
        ConfigError: it is no folder, it holds no scans, or a name is none for a category.
    """
    if not scans.is_dir():
        raise ConfigError(f"--from {scans} is no folder: name the one that holds your scans")
    root, names = _categories(scans)
    loose = any(_is_loose(root / name) for name in names)
    others = [name for name in LAYOUTS if name not in _OWN]
    order = [*others, "loose" if loose else "folder", "adam3d"]
    found = [one for layout in order if (one := _arranged(root, names, layout, data)).scans]
    if not found:
        raise _nothing_found(scans)
    return sorted(found, key=lambda one: (len(one.scans), _count(one)), reverse=True)


def _categories(scans: Path) -> tuple[Path, list[str]]:
    """The root and the names of its categories."""
    if not _is_category(scans):
        with suppress(ConfigError):
            return scans, category_folders(scans)
        raise _nothing_found(scans)
    try:
        return scans.parent, [check_category_name(scans.name)]
    except ValueError as error:
        raise ConfigError(
            f"--from {scans}: its name becomes the category's, which {error}; rename the folder"
        ) from None


def _is_category(folder: Path) -> bool:
    names = {path.name.casefold() for path in visible(folder) if path.is_dir()}
    return bool(names & {*SPLIT_NAMES, *GOOD_NAMES}) or _is_loose(folder)


def _is_loose(folder: Path) -> bool:
    """Whether scans lie right in a folder, and none in folders of splits."""
    names = {path.name.casefold() for path in visible(folder) if path.is_dir()}
    return not names & {*SPLIT_NAMES, *GOOD_NAMES} and _holds_scans(folder)


def _holds_scans(folder: Path) -> bool:
    with suppress(DataError):
        return bool(pair_files(folder.parent, folder, _ignore))
    return False


def _arranged(root: Path, names: Sequence[str], layout: str, data: Data) -> Arrangement:
    listing = data.model_copy(update={"layout": layout})
    found = {}
    for name in names:
        with suppress(DataError, ConfigError):
            files = list_scans(root, name, listing, _ignore)
            if _can_train(files):
                found[name] = files
    return Arrangement(root, layout, found, tuple(name for name in names if name not in found))


def _can_train(files: Sequence[ScanFiles]) -> bool:
    """Whether there is a good scan to learn from, and another one to set the threshold."""
    splits = Counter(file.split for file in files)
    return splits["train"] > (0 if splits["validation"] else 1)


def _ignore(problem: Problem) -> None:
    """A `Report` that goes on; the check of all scans tells every problem later."""


def _count(one: Arrangement) -> int:
    return sum(map(len, one.scans.values()))


def _nothing_found(scans: Path) -> ConfigError:
    deeper = next(_deeper(scans), None)
    if deeper is not None:
        where = (
            "" if deeper == scans else f"; scans lie in {deeper}, too: name a folder of good ones"
        )
        return ConfigError(
            f"--from {scans} holds too few good scans: one to learn from and one to set the "
            f"threshold are the least{where}"
        )
    return ConfigError(
        f"--from {scans} holds no scans: a scan is an image and a geometry of one name in one "
        "folder, such as 001.png and 001.tiff, or an organised cloud with colours; other trees "
        "and the types of files are in docs/data-layouts.md"
    )


def _deeper(scans: Path) -> Iterator[Path]:
    """The folders in which scans lie, from this one downwards."""
    folders = [(scans, 0)]
    for folder, depth in folders:
        if _holds_scans(folder):
            yield folder
        if depth >= MAX_FOLDERS_DEEP or len(folders) > _MOST_FOLDERS:
            continue
        with suppress(DataError, OSError):
            below = [p for p in visible(folder) if p.is_dir() and not p.is_symlink()]
            folders += [(path, depth + 1) for path in below]
