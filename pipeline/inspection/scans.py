"""Scans to inspect: a pair of files, or all that lie in a folder and below it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..dataset.scan import UNKNOWN, ScanFiles
from ..plumbing.errors import DataError
from ..readers.layouts import eyecandies, pairs
from ..readers.layouts.files import visible
from .model import Model

_CANDY = {  # what a scan of Eyecandies must have, by role
    "image": "image",
    "depth": "depth image",
    "info_depth": "depth range (info_depth.yaml)",
    "pose": "pose",
}


@dataclass
class Found:
    """What a folder holds.

    Attributes:
        scans: complete ones, by name.
        unusable: scans of which a file is missing or there twice, with the sentence that says so.
    """

    scans: list[ScanFiles] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)


def pair_files(rgb: Path, points: Path, model: Model) -> ScanFiles:
    """One scan by its image and geometry, read as the model's training data were.

    Raises:
        DataError: Eyecandies: the depth's range or the pose is not beside it.
    """
    if model.settings.layout == "eyecandies":
        number = points.name.partition("_")[0]
        home = points.parent
        items = eyecandies.group_items(home, home, model.settings.light)
        sidecars = {r: p for r, p in items.get(number, {}).items() if r in ("info_depth", "pose")}
        if len(sidecars) < 2:
            raise DataError(f"{points} lacks {number}_info_depth.yaml or {number}_pose.txt: add it")
        return replace(_scan(number, rgb, points, model), sidecars=sidecars)
    return _scan(pairs.scan_name(rgb), rgb, points, model)


def find_scans(folder: Path, model: Model) -> Found:
    """The scans in a folder and below it, whatever its folders are called.

    Files are paired as in the layouts of data sets: by name, side by side or in folders rgb and
    xyz; of Eyecandies by number. A scan's id is its folder's path from `folder` and its name.

    Raises:
        DataError: no such folder, both forms in one folder, or a link that leads out of it.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is no folder: name a folder of scans, or a scan as IMAGE,GEOMETRY"
        )
    found = Found()
    group = _find_candy if model.settings.layout == "eyecandies" else _find_pairs
    for place in _folders(folder):
        group(folder, place, model, found)
    return found


def _folders(folder: Path) -> Iterator[Path]:
    """A folder and those below it, but for hidden ones and those of a role, in order of name."""
    yield folder
    for path in visible(folder):
        if path.is_dir() and not path.is_symlink() and not pairs.is_role_folder(path):
            yield from _folders(path)


def _find_pairs(root: Path, folder: Path, model: Model, found: Found) -> None:
    for stem, roles in pairs.group_files(root, folder).items():
        rgb, points = roles.get("rgb"), roles.get("points")
        if points and not rgb and model.settings.own_colours:
            rgb = points
        name = _prefix(root, folder) + stem
        try:
            if rgb and points:
                files = pairs.only_one("rgb", rgb), pairs.only_one("points", points)
                found.scans.append(_scan(name, *files, model))
            elif rgb or points:  # a mask alone is no scan
                lacking = "geometry" if rgb else "image"
                raise DataError(f"{(rgb or points or [])[0]} has no {lacking} of its name: add it.")
        except DataError as error:
            found.unusable[name] = str(error)


def _find_candy(root: Path, folder: Path, model: Model, found: Found) -> None:
    for number, items in eyecandies.group_items(root, folder, model.settings.light).items():
        name = _prefix(root, folder) + number
        lacking = [what for role, what in _CANDY.items() if role not in items]
        if lacking:
            found.unusable[name] = f"{folder / number} has no {', no '.join(lacking)}"
            continue
        sidecars = {role: items[role] for role in ("info_depth", "pose")}
        scan = _scan(name, items["image"], items["depth"], model)
        found.scans.append(replace(scan, sidecars=sidecars))


def _scan(name: str, rgb: Path, points: Path, model: Model) -> ScanFiles:
    return ScanFiles(
        id=name,
        split="test",
        defect=UNKNOWN,
        label=None,
        rgb=rgb,
        points=points,
        mask=None,
        sidecars={} if model.camera is None else {"camera": model.camera},
        layout=model.settings.layout,
        units=model.settings.units,
    )


def _prefix(root: Path, folder: Path) -> str:
    relative = folder.relative_to(root).as_posix()
    return "" if relative == "." else f"{relative}/"
