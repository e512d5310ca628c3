"""Pair the image, the geometry and the mask of each scan in a folder by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ...plumbing.errors import DataError
from ..formats.geometry import GEOMETRY_SUFFIXES, has_colour
from ..formats.image import IMAGE_SUFFIXES
from .files import composed, is_inside, report_ignored, visible
from .layout import Choices, Found, Pair
from .problems import Problem, Report, refuse

Role = Literal["rgb", "points", "mask"]

# Names of a role's folder (rgb/001.png) and of its mark in a file's name (001_rgb.png).
ROLE_NAMES: dict[Role, tuple[str, ...]] = {
    "rgb": ("rgb", "image", "images", "color", "colour", "intensity", "luminance"),
    "points": ("xyz", "points", "depth", "cloud", "pointcloud", "pcd", "height", "heightmap"),
    "mask": ("gt", "mask", "masks", "ground_truth"),
}
_ROLES: dict[str, Role] = {name: role for role, names in ROLE_NAMES.items() for name in names}
_MARK = re.compile(rf"(.+)[_.-]({'|'.join(_ROLES)})", re.IGNORECASE)
ROLE_FOLDERS = frozenset(_ROLES)
SUFFIXES = IMAGE_SUFFIXES | GEOMETRY_SUFFIXES
_KEYS = (".json", ".yaml", ".yml", ".xml")  # files about a scan, which nobody takes for one of it


def is_role_folder(path: Path) -> bool:
    """Tell whether a folder is named after what its files show, as rgb or xyz."""
    return path.is_dir() and path.name.casefold() in _ROLES


def pair_files(root: Path, folder: Path, report: Report) -> dict[str, Pair]:
    """Return the scans of a folder by name: in folders rgb, xyz, gt, or side by side in one folder.

    Side by side the role shows in the file's mark (`001_rgb.png`, `001_xyz.tiff`,
    `001_mask.png`), else in its type: an image or a geometry. An unmarked TIFF is the geometry,
    unless the scan has another; an unmarked CSV is it beside one image and nothing else.

    A cloud with colours of its own needs no image, and a separate image goes before them.

    Reported and left out: an image or geometry without its partner, a mask without its scan, the
    second file of one role, links that lead out of root; and where a folder has both forms, what
    lies in folders.
    """
    found: dict[Role, dict[str, Path]] = {"rgb": {}, "points": {}, "mask": {}}
    for stem, roles in group_files(root, folder, report).items():
        for role, paths in roles.items():
            found[role][stem] = paths[0]
            for path in paths[1:]:
                report(Problem("missing_pair", path, _both(role, path, paths[0])))
    rgb, points, mask = found["rgb"], found["points"], found["mask"]
    rgb |= {stem: path for stem, path in points.items() if stem not in rgb and has_colour(path)}
    _check_pairs(rgb, points, "geometry", report)
    _check_pairs(points, rgb, "image", report)
    _check_pairs(mask, rgb, "image", report)
    for sub in filter(is_role_folder, visible(folder)):
        report_ignored(sub, (), SUFFIXES, "files are read right in a folder of their role", report)
    whole = sorted(rgb.keys() & points.keys())
    return {stem: Pair(rgb[stem], points[stem], mask.get(stem)) for stem in whole}


def group_files(
    root: Path, folder: Path, report: Report = refuse
) -> dict[str, dict[Role, list[Path]]]:
    """Return the files of a folder by scan and role; whether a scan is whole is not checked.

    Reported: both forms in one folder, and links that lead out of root.
    """
    groups: dict[str, dict[Role, list[Path]]] = {}
    for role, stem, path in _assigned(_candidates(root, folder, report)):
        groups.setdefault(stem, {}).setdefault(role, []).append(path)
    return dict(sorted(groups.items()))


def find_pairs(root: Path, folder: Path, choices: Choices) -> Found:
    """Return the scans of a folder; a mask alone is no scan.

    Refused: what lies in folders where a folder has both forms, and links that lead out of root.
    """
    found = Found()
    for stem, roles in group_files(root, folder, found.refuse).items():
        rgb, points = roles.get("rgb"), roles.get("points")
        if points and not rgb and choices.own_colours:
            rgb = points
        try:
            if rgb and points:
                found.pairs[stem] = Pair(_only_one("rgb", rgb), _only_one("points", points))
            elif rgb or points:
                lacking = "geometry" if rgb else "image"
                raise DataError(_alone((rgb or points or [])[0], stem, lacking))
        except DataError as error:
            found.unusable[stem] = str(error)
    return found


def pair(rgb: Path, points: Path, choices: Choices) -> tuple[str, Pair]:
    """Return a scan's name, which is its image's without the mark of the role, and its files."""
    return scan_name(rgb), Pair(rgb, points)


def scan_name(path: Path) -> str:
    """Return the name of a file's scan: the composed stem without the mark of the role."""
    return _split_mark(path)[1]


def _only_one(role: Role, paths: list[Path]) -> Path:
    if len(paths) > 1:
        raise DataError(_both(role, paths[1], paths[0]))
    return paths[0]


def _both(role: Role, path: Path, other: Path) -> str:
    return f"{path} and {other} are both the {role} of one scan: remove one."


def _candidates(root: Path, folder: Path, report: Report) -> list[tuple[Role | None, str, Path]]:
    """Return role, scan's name and path of each file; the role of an unmarked one is None."""
    flat = [(*_split_mark(path), path) for path in _files(root, folder, report)]
    nested: list[tuple[Role | None, str, Path]] = []
    for sub in filter(is_role_folder, visible(folder)):
        role = _ROLES[sub.name.casefold()]
        for path in _files(root, sub, report) if is_inside(root, sub, report) else ():
            mark, stem = _split_mark(path)
            nested.append((role, stem if mark == role else composed(path.stem), path))
    if flat and nested:
        message = (
            f"{flat[0][2]} lies beside the folder {nested[0][2].parent.name} of other scans' "
            "files: put all scans into folders, or all side by side."
        )
        report(Problem("layout", nested[0][2].parent, message))
    return flat or nested


def _assigned(
    files: list[tuple[Role | None, str, Path]],
) -> Iterator[tuple[Role, str, Path]]:
    """Roles: of unmarked tables and TIFFs last, as theirs is what the scan still lacks."""
    late: dict[str, list[tuple[str, Path]]] = {".csv": [], ".tif": []}
    stems: dict[Role, set[str]] = {"rgb": set(), "points": set(), "mask": set()}
    for role, stem, path in files:
        suffix = path.suffix.lower().replace(".tiff", ".tif")
        if role is None and suffix in late:
            late[suffix].append((stem, path))
            continue
        role = role or ("rgb" if suffix in IMAGE_SUFFIXES else "points")
        stems[role].add(stem)
        yield role, stem, path
    tiffs = {stem for stem, _ in late[".tif"]}
    for stem, path in late[".csv"]:  # it may be a list of anything, beside the scans
        if stem not in stems["points"] and (stem in stems["rgb"]) != (stem in tiffs):
            stems["points"].add(stem)
            yield "points", stem, path
    for stem, path in late[".tif"]:
        yield "rgb" if stem in stems["points"] else "points", stem, path


def _split_mark(path: Path) -> tuple[Role | None, str]:
    stem = composed(path.stem)
    match = _MARK.fullmatch(stem)
    return (_ROLES[match[2].lower()], match[1]) if match else (None, stem)


def _files(root: Path, folder: Path, report: Report) -> list[Path]:
    paths = (path for path in visible(folder) if path.suffix.lower() in SUFFIXES)
    return [path for path in paths if is_inside(root, path, report) and not path.is_dir()]


def _check_pairs(
    files: dict[str, Path], partners: dict[str, Path], what: str, report: Report
) -> None:
    for stem in sorted(files.keys() - partners.keys()):
        path = files[stem]
        report(Problem("missing_pair", path, _alone(path, stem, what)))


def _alone(path: Path, stem: str, what: str) -> str:
    """Return the sentence on a file without its partner; it names a neighbour of an unread type."""
    home = path.parent
    beside = filter(is_role_folder, visible(home.parent)) if is_role_folder(home) else [home]
    for other in (file for folder in beside for file in visible(folder) if file.is_file()):
        if scan_name(other) == stem and other.suffix.lower() not in (*SUFFIXES, *_KEYS):
            known = IMAGE_SUFFIXES if what == "image" else GEOMETRY_SUFFIXES
            types = ", ".join(sorted(known))
            return f"{path} has no {what}: {other} is of no type that is read, save it as {types}."
    return f"{path} has no {what}, no other file called {stem!r}: add it or remove this."
