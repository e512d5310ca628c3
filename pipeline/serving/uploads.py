"""Takes the files of a scan from a request: uploads, or paths below the root."""

import shutil
from pathlib import Path, PurePath

from starlette.datastructures import FormData, UploadFile

from ..plumbing.errors import DataError
from ..plumbing.files import check_inside
from ..readers.formats.geometry import GEOMETRY_SUFFIXES, has_colour
from ..readers.formats.image import IMAGE_SUFFIXES
from .refusals import StorageError, UnusableError

_LONGEST_NAME = 100


def save_uploads(form: FormData, folder: Path) -> tuple[Path, Path, str]:
    """Write the parts `rgb` and `geometry` into a folder, under names of ours.

    Returns:
        Image, geometry, and the name that the client gave the scan.

    Raises:
        UnusableError: a part is missing, or its name's ending is of no file that is read.
        StorageError: the disk is full.
    """
    geometry = _part(form, "geometry", GEOMETRY_SUFFIXES)
    points = folder / f"geometry{_suffix(geometry)}"
    _save(geometry, points)
    if "rgb" not in form:
        if not has_colour(points):
            raise UnusableError("the part rgb is missing, and the geometry has no colours")
        return points, points, _stem(geometry)
    image = _part(form, "rgb", IMAGE_SUFFIXES)
    rgb = folder / f"rgb{_suffix(image)}"
    _save(image, rgb)
    return rgb, points, _stem(image)


def path_below(root: Path | None, name: str) -> Path:
    """The file that a client names by its path below the root.

    Raises:
        UnusableError: there is no root, or the path leads out of it or to no file.
    """
    if root is None:
        raise UnusableError("the service has no --root, so scans must be uploaded")
    relative = PurePath(name)
    if relative.is_absolute() or ".." in relative.parts or "\0" in name:
        raise UnusableError(f"{name!r} is not a path below the service's root")
    try:
        path = check_inside(root, root / relative)
        there = path.is_file()
    except (DataError, OSError):
        raise UnusableError(f"{name!r} leads out of the service's root") from None
    if not there:
        raise UnusableError(f"{name!r} is no file below the service's root")
    return path


def _part(form: FormData, name: str, suffixes: frozenset[str]) -> UploadFile:
    part = form.get(name)
    if not isinstance(part, UploadFile):
        raise UnusableError(f"the part {name} is missing: send the scan's file as multipart form")
    if _suffix(part) not in suffixes:
        known = ", ".join(sorted(suffixes))
        raise UnusableError(f"the file of the part {name} must end in one of {known}")
    return part


def _suffix(part: UploadFile) -> str:
    return PurePath(part.filename or "").suffix.lower()


def _stem(part: UploadFile) -> str:
    stem = PurePath((part.filename or "").replace("\\", "/")).stem
    return "".join(c for c in stem if c.isprintable())[:_LONGEST_NAME] or "scan"


def _save(part: UploadFile, path: Path) -> None:
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(part.file, file, 1 << 20)
    except OSError as error:
        raise StorageError(f"the upload cannot be kept ({error}): free space") from None
