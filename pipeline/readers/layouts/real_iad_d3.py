"""The layout of Real-IAD D3: CATEGORY/{train,test}/LABEL/{rgb/SCAN/*.jpg, xyz/SCAN.tiff, gt}.

A scan has several images, one a light, whose names hold L01, L02, ...; `data.light` chooses one of
them, and the published code takes 5. Of several images of one light the one named RGB counts. The
folder ps holds the normals that were computed from the lights; nothing reads it. Source: the
published code of the data set (Zhu et al., "Real-IAD D3", CVPR 2025). Files are read as a plant's
own are, in `data.units`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...dataset.scan import ScanFiles
from ...params.schema import Listing
from .files import composed, files_by_stem, is_inside, visible
from .folder import read_scan
from .layout import Choices, Found, Layout, Pair
from .pairs import pair
from .problems import Problem, Report, refuse
from .split_tree import RGB, XYZ, Tree, list_tree

_IMAGES = (".jpg", ".jpeg", ".png")
_GEOMETRIES = (".tiff", ".tif")
_MASK, _NORMALS = "gt", "ps"


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category, each with the image of its light; see `list_tree`.

    Reported, too: a scan without an image of that light, or with several.
    """
    images = partial(_find_images, light=options.light)
    tree = Tree(_MASK, _IMAGES, _GEOMETRIES, images, (_NORMALS,))
    return tuple(
        replace(
            scan,
            layout="real_iad_d3",
            units=options.units,
            invalid=options.invalid,
            bits=options.bits,
        )
        for scan in list_tree(root, category, tree, report)
    )


def find(root: Path, folder: Path, choices: Choices) -> Found:
    """Return the scans of a folder with rgb and xyz in it.

    Refused: links that lead out of root.
    """
    found, problems = Found(), list[Problem]()
    images = _find_images(root, folder, problems.append, light=choices.light)
    points = files_by_stem(root, folder / XYZ, _GEOMETRIES, found.refuse)
    for name in sorted(images.keys() | points.keys()):
        if name in images and name in points:
            found.pairs[name] = Pair(images[name], points[name])
        elif name in images:
            found.unusable[name] = f"{images[name]} has no {folder / XYZ / name}.tiff: add it."
    for problem in problems:
        if problem.kind != "missing_pair":
            found.refuse(problem)
            continue
        found.unusable[problem.path.name] = problem.message
    for name in sorted(points.keys() - images.keys() - found.unusable.keys()):
        found.unusable[name] = f"{points[name]} has no folder {folder / RGB / name}: add it."
    return found


def _find_images(root: Path, folder: Path, report: Report, *, light: int) -> dict[str, Path]:
    """Return the image of a light for each scan, which is a folder in rgb."""
    images: dict[str, Path] = {}
    home = folder / RGB
    if not home.is_dir() or not is_inside(root, home, report):
        return images
    for scan in visible(home):
        if not scan.is_dir() or not is_inside(root, scan, report):
            continue
        paths = [path for path in visible(scan) if path.suffix.lower() in _IMAGES]
        lit = [path for path in paths if light in _lights(path.stem)]
        chosen = [path for path in lit if "rgb" in path.stem.lower()] or lit
        if len(chosen) != 1:
            has = sorted({number for path in paths for number in _lights(path.stem)})
            message = (
                f"{scan} has {len(chosen)} images of L{light:02d}, but it must have one: set "
                f"data.light to a light that it has ({', '.join(map(str, has)) or 'none'})."
            )
            report(Problem("missing_pair", scan, message))
        elif is_inside(root, chosen[0], report):
            images[composed(scan.name)] = chosen[0]
    return images


def _lights(stem: str) -> list[int]:
    """Return the numbers of L01, L02, ... in a file's name."""
    return [int(digits) for digits in re.findall(r"(?<![A-Za-z0-9])L(\d{1,2})(?!\d)", stem)]


REAL_IAD_D3 = Layout(
    name="real_iad_d3",
    list_scans=list_scans,
    read_scan=read_scan,
    find=find,
    pair=pair,
    params=frozenset({"units", "invalid", "bits", "light"}),
    role_folders=frozenset({RGB, XYZ, _MASK, _NORMALS}),
)
