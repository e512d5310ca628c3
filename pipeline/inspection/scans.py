"""Finds scans to inspect: a pair of files, or all that lie in a folder and below it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.scan import UNKNOWN, ScanFiles
from ..plumbing.errors import ConfigError, DataError
from ..readers.formats.geometry import has_colour
from ..readers.layouts import find_layout
from ..readers.layouts.files import MAX_FOLDERS_DEEP, visible
from ..readers.layouts.layout import Layout, Pair
from .model import InspectionModel


@dataclass
class FoundScans:
    """These are the scans of a folder and of those below it.

    Attributes:
        scans: complete ones, by name.
        unusable: scans of which a file is missing or there twice, with the sentence that says so.
        refused: files and folders that are no part of any scan, such as a link out of the folder,
            with the sentence that says why; they stop no other.
    """

    scans: list[ScanFiles] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)

    def refused_by_id(self, folder: Path) -> dict[str, str]:
        """The sentences of what is refused, by its path from the folder."""
        return {p.relative_to(folder).as_posix(): text for p, text in self.refused.items()}

    def refuse(self, path: Path, error: Exception) -> None:
        """Note that a folder cannot be looked into."""
        self.refused.setdefault(path, " ".join(str(error).split()) or type(error).__name__)


def split_pair(name: str) -> tuple[Path, Path]:
    """Return the files of IMAGE,GEOMETRY, whose names may hold commas, or of a coloured cloud.

    Raises:
        ConfigError: a file that has no colours of its own, or several commas of which none, or
            more than one, stands between two files.
    """
    whole = Path(name)
    if "," not in name or whole.is_file():
        if not has_colour(whole):
            raise ConfigError(
                f"{name} has no geometry with colours of its own: name a scan as IMAGE,GEOMETRY"
            )
        return whole, whole
    parts = name.split(",")
    pairs = [(Path(",".join(parts[:i])), Path(",".join(parts[i:]))) for i in range(1, len(parts))]
    found = [pair for pair in pairs if all(path.is_file() for path in pair)]
    if len(found) == 1 or len(pairs) == 1:
        return (found or pairs)[0]
    raise ConfigError(
        f"{name} has {len(pairs)} commas, of which {len(found) or 'none'} stand between two files: "
        "check IMAGE,GEOMETRY, or inspect the folder"
    )


def pair_files(rgb: Path, points: Path, model: InspectionModel) -> ScanFiles:
    """The scan of an image and a geometry, to be read as the model's training data were.

    Raises:
        DataError: a file that the layout reads with them is not beside them.
    """
    return _scan(*find_layout(model.settings.layout).pair(rgb, points, model.settings), model)


def find_scans(folder: Path, model: InspectionModel) -> FoundScans:
    """Return the scans in a folder and below it, whatever its folders are called.

    Files are paired as in the model's layout: by name, side by side or in folders rgb and xyz; of
    Eyecandies by number. A scan's id is its folder's path from `folder` and its name.

    Whatever is wrong with a file or a folder in it stops no other.

    Raises:
        DataError: no such folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder: name a folder of scans, or a scan as IMAGE,GEOMETRY"
        )
    all_found, layout = FoundScans(), find_layout(model.settings.layout)
    for place in _folders(folder, layout, all_found):
        prefix = _prefix(folder, place)
        try:
            found = layout.find(folder, place, model.settings)
        except (DataError, OSError, ValueError) as error:
            all_found.refuse(place, error)
            continue
        all_found.refused |= found.refused
        all_found.scans += [_scan(prefix + name, p, model) for name, p in found.pairs.items()]
        all_found.unusable |= {prefix + name: why for name, why in found.unusable.items()}
    return all_found


def _folders(folder: Path, layout: Layout, found: FoundScans) -> Iterator[Path]:
    """A folder and those below it by name, without hidden folders and those of one role.

    Refused: one that cannot be listed, and one that lies too deep.
    """
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        if depth > MAX_FOLDERS_DEEP:
            found.refused[place] = (
                f"{place} lies over {MAX_FOLDERS_DEEP} folders below {folder}: move its scans up."
            )
            continue
        yield place
        try:
            below = [path for path in visible(place) if _is_looked_into(path, layout)]
        except (DataError, OSError, ValueError) as error:
            found.refuse(place, error)
            continue
        waiting += [(path, depth + 1) for path in reversed(below)]


def _is_looked_into(path: Path, layout: Layout) -> bool:
    is_role = path.name.casefold() in layout.role_folders
    try:
        return path.is_dir() and not path.is_symlink() and not is_role
    except OSError:  # a name that is too long for the system, as a whole path
        return False


def _scan(name: str, pair: Pair, model: InspectionModel) -> ScanFiles:
    camera = {} if model.camera is None else {"camera": model.camera}
    return ScanFiles(
        id=name,
        split="test",
        defect=UNKNOWN,
        label=None,
        rgb=pair.rgb,
        points=pair.points,
        mask=None,
        sidecars=camera | dict(pair.sidecars),
        layout=model.settings.layout,
        units=model.settings.units,
        invalid=model.settings.invalid,
        bits=model.settings.bits,
    )


def _prefix(root: Path, folder: Path) -> str:
    relative = folder.relative_to(root).as_posix()
    return "" if relative == "." else f"{relative}/"
