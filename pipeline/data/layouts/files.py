"""What every layout does with names and folders: no link leads out, no partner is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from pipeline.errors import DataError


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


def check_category(root: Path, category: str, categories: Collection[str], what: str) -> None:
    """Refuse a root or a category that is not there; `what` says what makes a category."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: point data.root at the folder of the categories.")
    if category not in categories:
        found = ", ".join(sorted(categories)) or "none"
        raise DataError(f"{category!r} is not a category in {root}, found: {found}; {what}.")


def check_partners(
    files: Mapping[str, Path], partner_folder: Path, partners: Collection[str], suffix: str
) -> None:
    """Refuse the first of `files` whose stem is not among `partners`, naming the file missing."""
    for stem in sorted(files.keys() - set(partners)):
        raise DataError(
            f"{files[stem]} has no partner {partner_folder / (stem + suffix)}: "
            "add the one or remove the other."
        )


def files_by_stem(root: Path, folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Files of these types (lower case, with the dot) in a folder, by stem; none if it is absent.

    Raises:
        DataError: two of one stem, or a link that leads out of root.
    """
    files: dict[str, Path] = {}
    if not folder.is_dir():
        return files
    for path in visible(check_inside(root, folder)):
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in files:
            raise DataError(f"{path} and {files[path.stem].name} are one scan: remove one of them.")
        files[path.stem] = check_inside(root, path)
    return files


def visible(folder: Path) -> Iterator[Path]:
    """What a folder holds, by name, without hidden files."""
    return iter(sorted(path for path in folder.iterdir() if not path.name.startswith(".")))


def printable(name: str) -> str:
    """The name, if it can be shown: a line break in an id would forge lines of a report."""
    if not name.isprintable():
        raise DataError(f"{name!r} has characters that cannot be printed: rename the file.")
    return name
