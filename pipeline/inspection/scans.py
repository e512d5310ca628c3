"""Finds scans to inspect: a pair of files, or all that lie in a folder and below it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.scan import UNKNOWN, ScanFiles
from ..plumbing.errors import ConfigError, DataError
from ..readers.formats.geometry import has_colour
from ..readers.layouts import find_layout
from ..readers.layouts.files import visible
from ..readers.layouts.layout import Layout, Pair
from .model import InspectionModel


@dataclass
class FoundScans:
    """These are the scans of a folder and of those below it.

    Attributes:
        scans: complete ones, by name.
        unusable: scans of which a file is missing or there twice, with the sentence that says so.
    """

    scans: list[ScanFiles] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)


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

    Raises:
        DataError: no such folder, both forms in one folder, or a link that leads out of it.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder: name a folder of scans, or a scan as IMAGE,GEOMETRY"
        )
    all_found, layout = FoundScans(), find_layout(model.settings.layout)
    for place in _folders(folder, layout):
        found, prefix = layout.find(folder, place, model.settings), _prefix(folder, place)
        all_found.scans += [_scan(prefix + name, p, model) for name, p in found.pairs.items()]
        all_found.unusable |= {prefix + name: why for name, why in found.unusable.items()}
    return all_found


def _folders(folder: Path, layout: Layout) -> Iterator[Path]:
    """A folder and those below it by name, without hidden folders and those of one role."""
    yield folder
    for path in visible(folder):
        is_role = path.name.casefold() in layout.role_folders
        if path.is_dir() and not path.is_symlink() and not is_role:
            yield from _folders(path, layout)


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
