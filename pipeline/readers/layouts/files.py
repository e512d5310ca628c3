"""What every layout does with names and folders: no link leads out, no partner is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ...plumbing.errors import DataError
from ...plumbing.files import check_inside
from .problems import Problem, Report, reporting


def check_category(root: Path, category: str, categories: Collection[str], what: str) -> None:
    """Refuse a root or a category that is not there; `what` says what makes a category."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: point data.root at the folder of the categories.")
    if category not in categories:
        found = ", ".join(sorted(categories)) or "none"
        raise DataError(f"{category!r} is not a category in {root}, found: {found}; {what}.")


def check_partners(
    files: Mapping[str, Path],
    partner_folder: Path,
    partners: Collection[str],
    suffix: str,
    report: Report,
) -> None:
    """Report each of `files` whose stem is not among `partners`, naming the file missing."""
    for stem in sorted(files.keys() - set(partners)):
        message = (
            f"{files[stem]} has no partner {partner_folder / (stem + suffix)}: "
            "add the one or remove the other."
        )
        report(Problem("missing_pair", files[stem], message))


def files_by_stem(
    root: Path, folder: Path, suffixes: Collection[str], report: Report
) -> dict[str, Path]:
    """Files of these types (lower case, with the dot) in a folder, by stem; none if it is absent.

    Reported and left out: the second of one stem, and a link that leads out of root.
    """
    files: dict[str, Path] = {}
    if not folder.is_dir() or not is_inside(root, folder, report):
        return files
    for path in visible(folder):
        if path.suffix.lower() not in suffixes or not is_inside(root, path, report):
            continue
        if path.stem in files:
            message = f"{path} and {files[path.stem].name} are one scan: remove one of them."
            report(Problem("missing_pair", path, message))
            continue
        files[path.stem] = path
    return files


def is_inside(root: Path, path: Path, report: Report) -> bool:
    """Whether `check_inside` lets a path pass; what it refuses is reported."""
    with reporting(report, "name", path):
        check_inside(root, path)
        return True
    return False


def visible(folder: Path) -> Iterator[Path]:
    """What a folder holds, by name, without hidden files.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        return iter(sorted(path for path in folder.iterdir() if not path.name.startswith(".")))
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error.strerror}): let it be read.") from error


def is_printable(name: str, path: Path, report: Report) -> bool:
    """Whether a scan's name can be shown: a line break in it would forge lines of a report."""
    if not name.isprintable():
        message = f"{name!r} has characters that cannot be printed: rename the file."
        report(Problem("name", path, message))
    return name.isprintable()
