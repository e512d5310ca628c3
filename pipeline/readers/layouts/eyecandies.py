"""The layout of Eyecandies: CATEGORY/{train,val,test_public,test_private}/data/NNN_ITEM.

Each scan has six images of one pose under six lights, a 16-bit depth image with its range in a
YAML file, the camera's pose, and (but for test_private) a mask and one mask a defect type. They
are read where they lie. Source: the data set's download page, and see
`mentor3ad.readers.formats.eyecandies`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.grid import is_part
from ...dataset.scan import GOOD, UNKNOWN, Label, RawScan, ScanFiles, Split
from ...params.schema import Listing
from ...plumbing.documents import DocumentError, parse_yaml
from ...plumbing.errors import DataError
from ..formats import png
from ..formats.checks import read_head
from ..formats.eyecandies import (
    FOCAL_PX,
    SIDE,
    decode_depth,
    depth_to_points,
    remove_background,
)
from ..formats.raster import read_wide
from ..images import check_size, read_mask, read_rgb
from .files import check_category, check_partners, is_inside, report_ignored, visible
from .layout import Choices, Found, Layout, Pair
from .problems import Problem, Report, refuse, reporting

TYPES = ("bumps", "colors", "dents", "normals")  # of defects
COMBINED, DEFECTIVE = "combined", "defective"  # several types; no type known

_FOLDERS: dict[str, Split] = {"train": "train", "val": "validation", "test_public": "test"}
_PRIVATE = "test_private"
_PNG = frozenset({"PNG"})
_NEEDED = {  # what a scan cannot be read without, by role
    "image": "image",
    "depth": "depth image",
    "info_depth": "depth range (info_depth.yaml)",
    "pose": "pose",
}
_SIDECARS = ("info_depth", "pose")
_MAX_TEXT_BYTES = 65536  # a hundred times what a pose or a range takes


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category, ordered by split and number.

    Reported: no train or public test split; an item of a scan is missing; a mask that cannot be
    read; a name that leads out of root.

    Raises:
        DataError: no such root or category; and what `report` raises.
    """
    found = [path.parents[1].name for path in root.glob("*/train/data") if path.is_dir()]
    check_category(root, category, found, "a category is a folder with train/data in it")
    folders = dict(_FOLDERS) | ({_PRIVATE: "test"} if options.test_private else {})
    scans = tuple(
        scan
        for name, split in folders.items()
        for scan in _list_folder(
            root, root / category / name / "data", split, options.light, report
        )
    )
    known = f"the folders of a category are called {', '.join(_FOLDERS)} or {_PRIVATE}"
    used = [root / category / name for name in (*_FOLDERS, _PRIVATE)]
    report_ignored(root / category, used, (".png",), known, report)
    for split in ("train", "test"):
        if not any(scan.split == split and scan.label is not None for scan in scans):
            where = root / category / ("train" if split == "train" else "test_public") / "data"
            message = f"{where} holds no scans: unpack the category again."
            report(Problem("layout", where, message))
    return scans


def read_scan(files: ScanFiles) -> RawScan:
    """Read a scan; its points are the candy's, float32, metres, level with the table.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    rgb, pixels = read_rgb(files.rgb), _read_depth(files.points)
    check_size(files.points, pixels.shape, files.rgb, rgb.shape)
    mask = None if files.mask is None else read_mask(files.mask)
    if mask is not None and files.mask is not None:
        check_size(files.mask, mask.shape, files.rgb, rgb.shape)
    height, width = pixels.shape
    if height * width < SIDE:
        raise DataError(f"{files.points} is {height} x {width} pixels: Eyecandies has 512 x 512.")
    depth = decode_depth(pixels, *_read_range(files.sidecars["info_depth"]))
    focal = FOCAL_PX * width / SIDE
    pose = _read_pose(files.sidecars["pose"])
    try:
        points = remove_background(depth_to_points(depth, pose, focal))
    except DataError as error:
        raise DataError(f"{files.points}: {error}") from None
    points[~is_part(points)] = 0
    return RawScan(rgb, points.astype(np.float32), mask, part_only=True)


def _list_folder(
    root: Path, folder: Path, split: Split, light: int, report: Report
) -> Iterator[ScanFiles]:
    if not folder.is_dir() or not is_inside(root, folder, report):
        return
    items = group_items(root, folder, light, report)
    private = folder.parent.name == _PRIVATE
    whole = _whole_scans(folder, items, light, report, masked=split == "test" and not private)
    for stem, files in whole.items():
        mask = None if private else files.get("mask")
        truth: tuple[str, Label] = UNKNOWN, None
        if not private:
            with reporting(report, "mask", files.get("mask", folder)):
                truth = _truth(files, split)
        defect, label = truth
        yield ScanFiles(
            id=f"{folder.parent.name}/{stem}",
            split=split,
            defect=defect,
            label=label,
            rgb=files["image"],
            points=files["depth"],
            mask=mask,
            sidecars=_sidecars(files),
            layout="eyecandies",
        )


def group_items(
    root: Path, folder: Path, light: int, report: Report = refuse
) -> dict[str, dict[str, Path]]:
    """Return the path of every item that is used, by number and role, in order of number.

    Which of them a scan must have is not checked. Reported: a link that leads out of root.
    """
    roles = {
        f"image_{light}.png": "image",
        "depth.png": "depth",
        "info_depth.yaml": "info_depth",
        "info_depth.yml": "info_depth",
        "pose.txt": "pose",
        "mask.png": "mask",
    } | {f"{kind}_mask.png": kind for kind in TYPES}
    items: dict[str, dict[str, Path]] = {}
    for path in visible(folder):
        stem, _, item = path.name.partition("_")
        known = stem.isascii() and stem.isdigit() and item.lower() in roles
        if known and is_inside(root, path, report):
            items.setdefault(stem, {})[roles[item.lower()]] = path
    return items


def find(root: Path, folder: Path, choices: Choices) -> Found:
    """Return the scans of a folder by number; a mask alone is no scan.

    Refused: links that lead out of root.
    """
    found = Found()
    for number, items in group_items(root, folder, choices.light, found.refuse).items():
        lacking = [what for role, what in _NEEDED.items() if role not in items]
        if lacking:
            found.unusable[number] = f"{folder / number} has no {', no '.join(lacking)}"
        else:
            found.pairs[number] = Pair(items["image"], items["depth"], None, _sidecars(items))
    return found


def pair(rgb: Path, points: Path, choices: Choices) -> tuple[str, Pair]:
    """Return the number of a scan and its files; range and pose are looked for beside the depth.

    Raises:
        DataError: one of them is not there.
    """
    number, home = points.name.partition("_")[0], points.parent
    sidecars = _sidecars(group_items(home, home, choices.light).get(number, {}))
    if len(sidecars) < len(_SIDECARS):
        raise DataError(f"{points} lacks {number}_info_depth.yaml or {number}_pose.txt: add it")
    return number, Pair(rgb, points, None, sidecars)


def _sidecars(items: Mapping[str, Path]) -> dict[str, Path]:
    return {role: items[role] for role in _SIDECARS if role in items}


def _whole_scans(
    folder: Path, items: dict[str, dict[str, Path]], light: int, report: Report, *, masked: bool
) -> dict[str, dict[str, Path]]:
    """Return the scans that lack no item; what the others lack is reported."""
    names = {
        "image": f"_image_{light}.png",
        "depth": "_depth.png",
        "info_depth": "_info_depth.yaml",
        "pose": "_pose.txt",
    } | ({"mask": "_mask.png"} if masked else {})
    any_item = {stem: next(iter(files.values())) for stem, files in items.items()}
    for role, suffix in names.items():
        check_partners(any_item, folder, [s for s, f in items.items() if role in f], suffix, report)
    return {stem: files for stem, files in items.items() if names.keys() <= files.keys()}


def _truth(files: dict[str, Path], split: Split) -> tuple[str, Label]:
    """Return the defect and the label of a scan whose mask is known."""
    if split != "test" or not read_mask(files["mask"]).any():
        return GOOD, 0
    kinds = [kind for kind in TYPES if kind in files and read_mask(files[kind]).any()]
    return (kinds[0] if len(kinds) == 1 else COMBINED if kinds else DEFECTIVE), 1


def _read_depth(path: Path) -> NDArray[np.uint16]:
    """Return the depth, (H, W) uint16, which is still to be scaled to its range."""
    header = png.read_png_header(path)
    pixels = read_wide(path, _PNG) if header.bits == 16 and header.colour == png.GREY else None
    if pixels is None:
        raise DataError(
            f"{path} is {png.COLOURS[header.colour]} of {header.bits} bits, but depth is a "
            "greyscale PNG of 16 bits: copy it from its source again."
        )
    return pixels


def _read_range(path: Path) -> tuple[float, float]:
    """Return the nearest and the farthest depth of an info_depth file."""
    try:
        content: Any = parse_yaml(_read_text(path))
        normalization = content["normalization"]
        nearest, farthest = (float(normalization[key]) for key in ("min", "max"))
    except DocumentError as error:
        raise DataError(
            f"{path} has no normalization with min and max (it {error}): copy it from its source "
            "again."
        ) from None
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} has no normalization with min and max "
            f"({type(error).__name__}): copy it from its source again."
        ) from error
    if not 0 < nearest < farthest < math.inf:
        raise DataError(
            f"{path} gives the depth range {nearest:g} to {farthest:g}: it must rise from above 0."
        )
    return nearest, farthest


def _read_pose(path: Path) -> NDArray[np.float64]:
    """Return the pose, (4, 4) float64 from the world to the camera."""
    try:
        rows = [[float(word) for word in line.split()] for line in _read_text(path).splitlines()]
        pose = np.array([row for row in rows if row], dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path} is not a table of numbers ({error}): copy it again.") from error
    if pose.shape != (4, 4) or not np.isfinite(pose).all() or abs(np.linalg.det(pose)) < 1e-9:
        raise DataError(f"{path} is not an invertible 4 x 4 matrix: copy it from its source again.")
    return pose


def _read_text(path: Path) -> str:
    content = read_head(path, _MAX_TEXT_BYTES + 1)
    if len(content) > _MAX_TEXT_BYTES:
        raise DataError(
            f"{path} has over {_MAX_TEXT_BYTES} bytes, far too many for what it must hold: "
            "copy it from its source again."
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text ({error}): copy it from its source again.") from error


def _is_part_only(rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> bool:
    return True


def _masks(home: Path) -> Iterator[Path]:
    return home.rglob("*_mask.png")


EYECANDIES = Layout(
    name="eyecandies",
    list_scans=list_scans,
    read_scan=read_scan,
    find=find,
    pair=pair,
    params=frozenset({"light", "test_private"}),
    is_part_only=_is_part_only,
    read_to_list=_masks,
)
