"""A plant's own scans: CATEGORY/[SPLIT/]DEFECT/ with files paired by their names.

SPLIT is train, validation (may be absent) or test; without any split, some of the good scans are
kept for the test. DEFECT is `good`, `unknown` or the name of a defect; in the layout `loose`, scans
that lie right in a category without splits are good as well. docs/data-layouts.md draws the trees;
`mentor3ad.readers.layouts.pairs` pairs the files of one folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...dataset.scan import GOOD, SPLITS, UNKNOWN, Label, RawScan, ScanFiles, Split
from ...params.schema import Listing
from ...plumbing.errors import DataError
from ...plumbing.files import check_inside
from ..content import content_sha256
from ..formats.calibration import CALIBRATION_FILES, load_calibration
from ..formats.geometry import METRES, read_organised
from ..formats.image import Picture, read_picture
from ..formats.mask import Mask, read_mask_image
from ..formats.orientation import registered
from ..formats.rig import Rig, check_depth, check_image, register
from ..images import check_size
from .files import check_category, composed, is_inside, is_printable, report_ignored, visible
from .layout import Layout
from .masks_apart import find_masks, with_masks
from .pairs import (
    ROLE_FOLDERS,
    ROLE_NAMES,
    SUFFIXES,
    find_pairs,
    is_role_folder,
    pair,
    pair_files,
)
from .problems import Problem, Report, refuse, reporting

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
GOOD_NAMES = (GOOD, "ok")
# The end of a remedy, without and with the layout `loose`.
_IF_ALL_GOOD = {False: ", or set data.layout: loose where all of them are good", True: ""}
_MIN_TRAIN = 2  # good scans: one to learn from and one to calibrate on


def list_scans(
    root: Path, category: str, options: Listing, report: Report = refuse, *, loose: bool = False
) -> tuple[ScanFiles, ...]:
    """Return all scans of a category, ordered by split (train, validation, test), defect and name.

    Hidden files and files of other types are ignored; extensions may be in either case.

    Args:
        loose: whether scans that lie right in a category without splits are good; else they are
            reported.

    Reported: no good scan to train on, a defect in train or validation, a file without its
    partner, a camera file that is not there, a name that leads out of root or cannot be printed.

    Raises:
        DataError: no such root or category; and what `report` raises.
    """
    categories = [path.name for path in visible(root) if path.is_dir()] if root.is_dir() else []
    check_category(root, category, categories, "a category is a folder in it")
    home = check_inside(root, root / category)
    camera = _find_camera(root, home, options.camera, report)
    splits = [path for path in visible(home) if path.is_dir() and _split_of(path)]
    masks = [path for path in visible(home) if _is_mask_tree(path)]
    if splits:
        found = _list_splits(root, splits, report)
        known = f"the folders of a category are called {', '.join(SPLIT_NAMES)} or ground_truth"
        report_ignored(home, [*splits, *masks], SUFFIXES, known, report)
    else:
        found = _list_unsplit(root, home, options.test_share, report, loose)
    found = with_masks(found, find_masks(root, masks, report), report)
    scans = [
        replace(
            scan,
            sidecars=camera,
            layout="loose" if loose else "folder",
            units=options.units,
            invalid=options.invalid,
            bits=options.bits,
        )
        for scan in found
    ]
    if not any(scan.split == "train" for scan in scans):
        where = home / "train" if splits else home / GOOD
        message = (
            f"{where} holds no scans: put the good scans to learn from there; their folders are "
            f"called {' or '.join(GOOD_NAMES)}."
        )
        report(Problem("layout", where, message))
    return tuple(sorted(scans, key=lambda scan: (SPLITS.index(scan.split), scan.defect, scan.id)))


def read_scan(files: ScanFiles) -> RawScan:
    """Read a scan of any format that `mentor3ad.readers.formats` knows.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    place = files.sidecars.get("camera")
    camera = None if place is None else load_calibration(place)
    own = files.rgb == files.points
    picture = None if own else read_picture(files.rgb, files.bits)
    seen = read_organised(files.points, units=files.units, camera=camera, invalid=files.invalid)
    if picture is None and seen.rgb is not None:
        picture = Picture(seen.rgb, seen.orientation)
    if picture is None:
        raise DataError(f"{files.points} has no colours of its own: add the scan's image.")
    rgb, points = picture.rgb, seen.points
    there = files.rgb, rgb.shape, picture.orientation
    mask = None if files.mask is None else _read_mask(files.mask, *there)
    classes = None if mask is None else mask.classes
    if isinstance(camera, Rig) and not own:
        check_image(files.rgb, rgb.shape, camera.color)
        check_depth(files.points, points.shape, camera.depth)
        points, rgb, classes = register(camera, points, rgb, classes, METRES[files.units])
    else:
        points = registered(files.points, points, seen.orientation, *there)
    check_size(files.points, points.shape, files.rgb, rgb.shape)
    if classes is not None and files.mask is not None:
        check_size(files.mask, classes.shape, files.rgb, rgb.shape)
    return RawScan(rgb, points, classes, grey_mask=mask is not None and mask.grey)


def _read_mask(path: Path, rgb: Path, rgb_shape: tuple[int, ...], orientation: int) -> Mask:
    """A mask in the pixels of its picture."""
    mask = read_mask_image(path)
    classes = registered(path, mask.classes, mask.orientation, rgb, rgb_shape, orientation)
    return replace(mask, classes=classes)


def _list_splits(root: Path, folders: list[Path], report: Report) -> Iterator[ScanFiles]:
    for folder in folders:
        split = _split_of(folder)
        assert split is not None
        if not is_inside(root, folder, report):
            continue
        for scan in _list_defects(root, folder, split, report):
            if split != "test" and scan.label != 0:
                message = (
                    f"{scan.rgb} is {scan.defect} in the {split} split, which learns what good "
                    "parts are like: move it to test."
                )
                report(Problem("layout", scan.rgb, message))
                continue
            yield replace(scan, id=f"{split}/{scan.id}")


def _list_unsplit(
    root: Path, home: Path, test_share: float, report: Report, loose: bool
) -> Iterator[ScanFiles]:
    scans: list[ScanFiles] = []
    if holds_loose_scans(root, home, report):
        said_good = any(path.name.casefold() in GOOD_NAMES for path in visible(home))
        if loose and not said_good:
            scans += _list_folder(root, home, "test", GOOD, f"{GOOD}/", report)
        else:
            message = (
                f"{home} holds scans that nobody calls good or defective: put them into "
                f"{home / GOOD} or a folder with the defect's name{_IF_ALL_GOOD[loose]}."
            )
            report(Problem("layout", home, message))
            scans += _list_folder(root, home, "test", UNKNOWN, "", report)
    scans += _list_below(root, home, "test", report)
    good = [scan for scan in scans if scan.label == 0]
    train = set(_by_content(good, report)[_test_count(len(good), test_share) :])
    for scan in scans:
        yield replace(scan, split="train") if scan.id in train else scan


def _by_content(scans: list[ScanFiles], report: Report) -> list[str]:
    """Return the ids in an order that new names, new masks or another camera do not change."""
    hashes: dict[str, str] = {}
    for scan in scans:
        with reporting(report, "unreadable", scan.rgb):
            hashes[scan.id] = content_sha256(replace(scan, mask=None, sidecars={}))
    return sorted(hashes, key=lambda name: (hashes[name], name))


def _test_count(good: int, share: float) -> int:
    return max(0, min(max(1, round(share * good)), good - _MIN_TRAIN))


def holds_loose_scans(root: Path, home: Path, report: Report) -> bool:
    """Tell whether scans lie right in a folder, side by side or in folders of their role."""
    roles = [p for p in visible(home) if is_role_folder(p) and not _is_mask_tree(p)]
    return bool(roles or pair_files(root, home, report))


def _list_defects(root: Path, folder: Path, split: Split, report: Report) -> Iterator[ScanFiles]:
    """Yield the scans of each DEFECT folder, and those right in `folder`, unknown in the test."""
    bare = GOOD if split != "test" else UNKNOWN
    yield from _list_folder(root, folder, split, bare, "", report)
    yield from _list_below(root, folder, split, report)


def _list_below(root: Path, folder: Path, split: Split, report: Report) -> Iterator[ScanFiles]:
    for path in visible(folder):
        if path.is_dir() and not is_role_folder(path) and is_inside(root, path, report):
            name = composed(path.name)
            yield from _list_folder(root, path, split, name, f"{name}/", report)
            roles = list(filter(is_role_folder, visible(path)))
            known = "the folders of a defect are called rgb, xyz or gt, or hold no scans"
            report_ignored(path, roles, SUFFIXES, known, report)


def _list_folder(
    root: Path, folder: Path, split: Split, name: str, prefix: str, report: Report
) -> Iterator[ScanFiles]:
    defect, label = _truth(name)
    for stem, files in pair_files(root, folder, report).items():
        scan = prefix + stem
        if is_printable(scan, files.rgb, report):
            yield ScanFiles(scan, split, defect, label, files.rgb, files.points, files.mask)


def _truth(name: str) -> tuple[str, Label]:
    known: dict[str, tuple[str, Label]] = dict.fromkeys(GOOD_NAMES, (GOOD, 0))
    return (known | {UNKNOWN: (UNKNOWN, None)}).get(name.casefold(), (name, 1))


def _is_mask_tree(path: Path) -> bool:
    """Tell whether a folder is a tree of masks, by DEFECT, and not the masks of scans beside it."""
    if not path.is_dir() or path.name.casefold() not in ROLE_NAMES["mask"]:
        return False
    return any(below.is_dir() for below in visible(path))


def _split_of(folder: Path) -> Split | None:
    return SPLIT_NAMES.get(folder.name.casefold())


def _find_camera(root: Path, home: Path, name: str | None, report: Report) -> dict[str, Path]:
    """Return the camera's sidecar from the category's folder, else from root, or nothing."""
    names = CALIBRATION_FILES if name is None else (name,)
    for folder in (home, root):
        paths = [folder / candidate for candidate in names]
        found = [path for path in paths if is_inside(root, path, report) and path.is_file()]
        if len(found) > 1:
            message = f"{found[0]} and {found[1].name} both say how to read the scans: keep one."
            report(Problem("layout", found[1], message))
        if found:
            return {"camera": found[0]}
    if name is not None:
        message = f"data.camera: {name} is neither in {home} nor in {root}: put it there."
        report(Problem("layout", home, message))
    return {}


def _read_to_list(home: Path) -> Iterator[Path]:
    """All files of a category without splits, where the content chooses the scans of the test."""
    if home.is_dir() and not any(map(_split_of, visible(home))):
        yield from filter(Path.is_file, home.rglob("*"))


FOLDER = Layout(
    name="folder",
    list_scans=list_scans,
    read_scan=read_scan,
    find=find_pairs,
    pair=pair,
    params=frozenset({"units", "invalid", "bits", "camera", "test_share"}),
    needs_masks=False,
    role_folders=ROLE_FOLDERS,
    read_to_list=_read_to_list,
)
LOOSE = replace(FOLDER, name="loose", list_scans=partial(list_scans, loose=True))
