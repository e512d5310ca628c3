"""Every layout checks names and folders here: no link leads out, and no partner is missing."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ...plumbing.errors import DataError
from ...plumbing.files import check_inside
from .problems import Problem, Report, reporting

MAX_FOLDERS_DEEP = 16  # below the one that is named: deeper, nothing is looked for


def check_category(root: Path, category: str, categories: Collection[str], what: str) -> None:
    """Refuse a root or a category that is not there; `what` says what makes a category."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: point data.root at the folder of the categories.")
    if category not in categories:
        found = ", ".join(sorted(categories)) or "none"
        if composed(category) in map(composed, categories):
            raise DataError(
                f"{category!r} is a folder of {root} in another Unicode form: rename the folder, "
                "or copy its name into the params."
            )
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
        wanted = partner_folder / (stem + suffix)
        message = f"{files[stem]} has no partner {wanted}: add the one or remove the other."
        for other in _files_called(stem, partner_folder):
            message = (
                f"{files[stem]} has no partner {wanted}, and {other} is of another type: save it "
                f"as {suffix}."
            )
        report(Problem("missing_pair", files[stem], message))


def files_by_stem(
    root: Path, folder: Path, suffixes: Collection[str], report: Report
) -> dict[str, Path]:
    """Return the files of some types (lower case, with the dot) in a folder by their stem.

    Stems are in Unicode's composed form, so that names that look alike are alike. Reported and left
    out: the second of one stem, and a link that leads out of root.
    """
    files: dict[str, Path] = {}
    if not folder.is_dir() or not is_inside(root, folder, report):
        return files
    for path in visible(folder):
        if path.suffix.lower() not in suffixes or not is_inside(root, path, report):
            continue
        stem = composed(path.stem)
        if stem in files:
            message = f"{path} and {files[stem].name} are one scan: remove one of them."
            report(Problem("missing_pair", path, message))
            continue
        files[stem] = path
    return files


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC); macOS hands out the decomposed one."""
    return unicodedata.normalize("NFC", name)


def _files_called(stem: str, folder: Path) -> list[Path]:
    """Return the files of any type in a folder that have a stem, given in composed form."""
    paths = visible(folder) if folder.is_dir() else ()
    return [path for path in paths if composed(path.stem) == stem and path.is_file()]


def report_ignored(
    folder: Path, used: Collection[Path], suffixes: Collection[str], known: str, report: Report
) -> None:
    """Report each folder in a folder that is not used although files of scans lie in it.

    Args:
        suffixes: of the files of scans.
        known: says which folders are read.
    """
    for path in visible(folder):
        if path.is_dir() and path not in used and _holds(path, suffixes):
            report(Problem("ignored", path, f"{path} is ignored: {known}."))


def _holds(folder: Path, suffixes: Collection[str]) -> bool:
    """Tell whether a file of these types lies in a folder or below it; links are not followed."""
    folders = [(folder, 0)]
    while folders:
        place, depth = folders.pop()
        with suppress(DataError, OSError):  # what cannot be listed holds nothing
            for path in visible(place):
                if path.suffix.lower() in suffixes and path.is_file():
                    return True
                if depth < MAX_FOLDERS_DEEP and path.is_dir() and not path.is_symlink():
                    folders.append((path, depth + 1))
    return False


def is_inside(root: Path, path: Path, report: Report) -> bool:
    """Tell whether `check_inside` lets a path pass; what it refuses is reported."""
    with reporting(report, "name", path):
        check_inside(root, path)
        return True
    return False


def visible(folder: Path) -> Iterator[Path]:
    """Return what a folder holds, ordered by name, without hidden files.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        return iter(sorted(path for path in folder.iterdir() if not path.name.startswith(".")))
    except OSError as error:
        raise DataError(f"{folder} cannot be listed ({error.strerror}): let it be read.") from error


def is_printable(name: str, path: Path, report: Report) -> bool:
    """Tell whether a scan's name can be shown: a line break in it would forge lines of a report."""
    if not name.isprintable():
        message = f"{name!r} has characters that cannot be printed: rename the file."
        report(Problem("name", path, message))
    return name.isprintable()
