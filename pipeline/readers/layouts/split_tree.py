"""The tree of MVTec 3D-AD and the data sets after it: CATEGORY/SPLIT/DEFECT/{rgb,xyz,gt}/NNN.*."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...dataset.scan import GOOD, SPLITS, ScanFiles, Split
from .files import (
    check_category,
    check_partners,
    files_by_stem,
    is_inside,
    is_printable,
    report_ignored,
    visible,
)
from .problems import Problem, Report

RGB, XYZ = "rgb", "xyz"

# The images of a DEFECT folder by scan, from the data set's root and the folder.
FindImages = Callable[[Path, Path, Report], Mapping[str, Path]]


@dataclass(frozen=True)
class Tree:
    """This is what differs between the data sets of this tree.

    Attributes:
        mask: name of the masks' folder.
        images, geometries: suffixes that are read, lower case, the usual one first.
        find_images: finds the images where they do not lie right in the folder rgb.
        others: folders of a defect that are known and not read.
    """

    mask: str
    images: tuple[str, ...]
    geometries: tuple[str, ...]
    find_images: FindImages | None = None
    others: tuple[str, ...] = ()

    @property
    def suffixes(self) -> tuple[str, ...]:
        return self.images + self.geometries


def list_tree(root: Path, category: str, tree: Tree, report: Report) -> Iterator[ScanFiles]:
    """Return all scans of a category, ordered by split, defect and file stem.

    Hidden files and files of other types are ignored; extensions may be in either case.

    Reported: no train or test split; a defect in train or validation; a file without its partner;
    a name that leads out of root or cannot be printed; folders that are ignored.

    Raises:
        DataError: no such root or category; and what `report` raises.
    """
    found = [path.parent.name for path in root.glob("*/train") if path.is_dir()]
    check_category(root, category, found, "a category is a folder with a train folder in it")
    filled = set()
    for split in SPLITS:
        for scan in _list_split(root, category, split, tree, report):
            filled.add(split)
            yield scan
    folders = [root / category / split for split in SPLITS]
    known = f"the folders of a category are called {', '.join(SPLITS)}, or set data.layout: folder"
    report_ignored(root / category, folders, tree.suffixes, known, report)
    for split in ("train", "test"):
        if split not in filled:
            where = root / category / split
            message = f"{where} holds no scans: put them into {where}/good/rgb and xyz."
            report(Problem("layout", where, message))


def _list_split(
    root: Path, category: str, split: Split, tree: Tree, report: Report
) -> Iterator[ScanFiles]:
    folder = root / category / split
    if not is_inside(root, folder, report) or not folder.is_dir():
        return
    roles = (RGB, XYZ, tree.mask)
    for defect in visible(folder):
        if not defect.is_dir():
            continue
        if split != "test" and not _is_good(defect):
            message = (
                f"{defect} is a defect in the {split} split, which learns what good parts are "
                f"like: move it to test, or call it {GOOD} if they are good."
            )
            report(Problem("layout", defect, message))
        elif is_inside(root, defect, report):
            yield from _list_defect(root, defect, split, tree, report)
            used = [defect / name for name in (*roles, *tree.others)]
            known = f"the folders of a defect are called {', '.join(roles)}"
            report_ignored(defect, used, tree.suffixes, known, report)


def _list_defect(
    root: Path, folder: Path, split: Split, tree: Tree, report: Report
) -> Iterator[ScanFiles]:
    image, geometry = tree.images[0], tree.geometries[0]
    if tree.find_images is not None:
        rgb = tree.find_images(root, folder, report)
    else:
        rgb = files_by_stem(root, folder / RGB, tree.images, report)
    points = files_by_stem(root, folder / XYZ, tree.geometries, report)
    masks = files_by_stem(root, folder / tree.mask, (".png",), report)
    check_partners(rgb, folder / XYZ, points, geometry, report)
    check_partners(points, folder / RGB, rgb, image, report)
    check_partners(masks, folder / RGB, rgb, image, report)
    # Without its mask, a defect's pixels would count as good ones.
    if masks or not _is_good(folder):
        check_partners(rgb, folder / tree.mask, masks, ".png", report)
    for stem in sorted(rgb.keys() & points.keys()):
        name = f"{split}/{folder.name}/{stem}"
        if is_printable(name, rgb[stem], report):
            yield ScanFiles(
                id=name,
                split=split,
                defect=GOOD if _is_good(folder) else folder.name,
                label=0 if _is_good(folder) else 1,
                rgb=rgb[stem],
                points=points[stem],
                mask=masks.get(stem),
            )


def _is_good(folder: Path) -> bool:
    return folder.name.casefold() == GOOD
