"""The layout of MVTec 3D-AD: CATEGORY/SPLIT/DEFECT/{rgb,xyz,gt}/NNN.{png,tiff}.

SPLIT is train, validation (may be absent) or test; DEFECT is `good` or the name of a defect.
Source: Bergmann et al., "The MVTec 3D-AD data set" (VISAPP 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pipeline.errors import DataError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
GOOD = "good"

_PNG = (".png",)
_TIFF = (".tiff", ".tif")


@dataclass(frozen=True)
class ScanFiles:
    """Where one scan lies.

    Attributes:
        id: "split/defect/stem", as "test/bump/003".
        split: train, validation or test.
        defect: "good" or the defect's name.
        label: 0 good, 1 defective.
        rgb: PNG.
        points: TIFF of the organised point map.
        mask: PNG of defect classes; None for a good scan without one, whose pixels are all good.
    """

    id: str
    split: Split
    defect: str
    label: Literal[0, 1]
    rgb: Path
    points: Path
    mask: Path | None


def list_scans(root: Path, category: str) -> tuple[ScanFiles, ...]:
    """All scans of a category, ordered by split (train, validation, test), defect and file stem.

    Hidden files and files of other types are ignored; extensions may be in either case.

    Raises:
        DataError: no such root, category, train or test split; a defect in train or validation;
            a file without its partner; a name that leads out of root.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: point data.root at the folder of the categories.")
    _check_category(root, category)
    scans = tuple(scan for split in SPLITS for scan in _list_split(root, category, split))
    for split in ("train", "test"):
        if not any(scan.split == split for scan in scans):
            where = root / category / split
            raise DataError(f"{where} holds no scans: put them into {where}/good/rgb and xyz.")
    return scans


def list_categories(root: Path) -> tuple[str, ...]:
    """Names of the folders in root that have a train split, sorted."""
    return tuple(sorted(path.parent.name for path in root.glob("*/train") if path.is_dir()))


def check_inside(root: Path, path: Path) -> Path:
    """`path` itself, if it stays in root once links and ".." are resolved.

    Raises:
        DataError: it leads out of root.
    """
    try:
        target = path.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise DataError(f"{path} cannot be resolved ({error}): put the file there.") from error
    if not target.is_relative_to(root.resolve()):
        raise DataError(
            f"{path} leads out of {root}, to {target}: put the file itself there "
            "(with DVC, set cache.type to reflink, hardlink or copy)."
        )
    return path


def _check_category(root: Path, category: str) -> None:
    if category not in list_categories(root):
        found = ", ".join(list_categories(root)) or "none"
        raise DataError(
            f"{category!r} is not a category in {root}, found: {found}; a category is a folder "
            "with a train folder in it."
        )


def _list_split(root: Path, category: str, split: Split) -> Iterator[ScanFiles]:
    folder = check_inside(root, root / category / split)
    if not folder.is_dir():
        return
    for defect in sorted(_visible(folder), key=lambda path: path.name):
        if not defect.is_dir():
            continue
        if split != "test" and defect.name != GOOD:
            raise DataError(
                f"{defect} is a defect in the {split} split, which learns what good parts are "
                "like: move it to test."
            )
        yield from _list_defect(root, check_inside(root, defect), split)


def _list_defect(root: Path, folder: Path, split: Split) -> Iterator[ScanFiles]:
    rgb = _by_stem(root, folder / "rgb", _PNG)
    points = _by_stem(root, folder / "xyz", _TIFF)
    masks = _by_stem(root, folder / "gt", _PNG)
    _check_partners(rgb, folder / "xyz", points, ".tiff")
    _check_partners(points, folder / "rgb", rgb, ".png")
    _check_partners(masks, folder / "rgb", rgb, ".png")
    # Without its mask, a defect's pixels would count as good ones.
    if masks or folder.name != GOOD:
        _check_partners(rgb, folder / "gt", masks, ".png")
    for stem in sorted(rgb):
        yield ScanFiles(
            id=_printable(f"{split}/{folder.name}/{stem}"),
            split=split,
            defect=folder.name,
            label=cast(Literal[0, 1], int(folder.name != GOOD)),
            rgb=rgb[stem],
            points=points[stem],
            mask=masks.get(stem),
        )


def _by_stem(root: Path, folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    if not folder.is_dir():
        return files
    for path in sorted(_visible(check_inside(root, folder))):
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in files:
            raise DataError(f"{path} and {files[path.stem].name} are one scan: remove one of them.")
        files[path.stem] = check_inside(root, path)
    return files


def _check_partners(
    files: dict[str, Path], partner_folder: Path, partners: dict[str, Path], suffix: str
) -> None:
    for stem in sorted(files.keys() - partners.keys()):
        raise DataError(
            f"{files[stem]} has no partner {partner_folder / (stem + suffix)}: "
            "add the one or remove the other."
        )


def _printable(name: str) -> str:
    if not name.isprintable():
        raise DataError(f"{name!r} has characters that cannot be printed: rename the file.")
    return name


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))
