"""What of the machine and the installation keeps a project from running."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ..plumbing.errors import Mentor3ADError
from ..weights.sources import weights_folder
from .ailment import Ailment

LEAST_FREE = 1e9  # bytes: the features of a category of the paper have twice as many
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"  # of a checkout


def find_in_machine(root: Path) -> Iterator[Ailment]:
    """Yield what is wrong with the disks, the cache and the libraries that a project uses."""
    cache = _cache_settings(root)
    places = {
        "the project": root,
        "DVC's cache": _cache_folder(root, cache),
        "the weights": weights_folder(),
        "temporary files": Path(tempfile.gettempdir()),
    }
    for what, place in places.items():
        yield from find_no_room(what, place)
    yield from find_no_links(root, places["DVC's cache"], cache.get("type") or ["reflink", "copy"])
    yield from find_other_libraries(requires("mentor3ad") or [], CONSTRAINTS)


def find_no_room(what: str, place: Path) -> Iterator[Ailment]:
    """Yield that a folder, or the nearest that is there, takes no file or has little room."""
    folder = _existing(place)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Ailment(
            f"{place}, the folder of {what}, cannot be written ({error.strerror}): give this user "
            "the right to, or choose another folder"
        )
        return
    if free < LEAST_FREE:
        yield Ailment(
            f"{place}, the folder of {what}, has {free / 1e9:.2f} GB of room left: free some "
            "(`dvc gc --workspace --all-commits --all-experiments` frees what nothing refers to)"
        )


def find_no_links(root: Path, cache: Path, wanted: list[str]) -> Iterator[Ailment]:
    """Yield that outs can be no links into DVC's cache, so that each lies on the disk twice."""
    kinds: dict[str, Callable[[Path, Path], None]] = {
        "hardlink": os.link,
        "symlink": os.symlink,
        "reflink": _reflink,
    }
    links = [kind for kind in wanted if kind in kinds]
    one, other = _existing(cache), _existing(root)
    try:
        with (
            tempfile.TemporaryDirectory(dir=one) as here,
            tempfile.TemporaryDirectory(dir=other) as there,
        ):
            source = Path(here) / "file"
            source.write_bytes(b"1")
            for kind in links:
                try:
                    kinds[kind](source, Path(there) / kind)
                    return
                except (OSError, NotImplementedError):
                    continue
    except OSError:
        return  # which find_no_room tells
    names = " or ".join(links) or "link"
    yield Ailment(
        f"no {names} leads from {root} to DVC's cache {cache}, so each out is on the disk twice: "
        "keep both on one file system, or add symlink to cache.type of .dvc/config"
    )


def find_other_libraries(wanted: list[str], constraints: Path) -> Iterator[Ailment]:
    """Yield the libraries that are missing or not of the versions that this release is for.

    Args:
        wanted: the requirements of the package, in the words of a wheel.
        constraints: the versions that it was tested with; none where the file is not there.
    """
    missing, others = [], []
    for requirement in map(Requirement, wanted):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found = _version(requirement.name)
            if found is None:
                missing.append(requirement.name)
            elif not requirement.specifier.contains(found, prereleases=True):
                others.append(f"{requirement.name} {found} (needs {requirement.specifier})")
    if missing or others:
        names = ", ".join([*(f"{name} (missing)" for name in missing), *others])
        yield Ailment(f"libraries that mentor3ad cannot use: {names}: `pip install mentor3ad` anew")
    tested = [
        name for name in _pins(constraints).items() if _version(name[0]) not in (None, name[1])
    ]
    if tested:
        shown = ", ".join(f"{name} {_version(name)} ({pin})" for name, pin in tested[:5])
        more = f" and {len(tested) - 5} more" if len(tested) > 5 else ""
        yield Ailment(
            f"libraries of other versions than {constraints} has in brackets, so results may "
            f"differ: {shown}{more}: `pip install -c {constraints} -e .`"
        )


def find_bad_params(root: Path) -> Iterator[Ailment]:
    """Yield what is wrong with params.yaml."""
    from ..params.project import Project
    from ..params.schema import load_params

    try:
        load_params(Project(root).params)
    except Mentor3ADError as error:
        yield Ailment(str(error))


def _pins(constraints: Path) -> dict[str, str]:
    if not constraints.is_file():
        return {}
    lines = constraints.read_text(encoding="utf-8").split()
    return dict(line.split("==") for line in lines if line.count("==") == 1)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cache_settings(root: Path) -> Mapping[str, Any]:
    """Return DVC's settings of its cache; none where it cannot read them, as it says."""
    from dvc.config import Config

    try:
        settings: Mapping[str, Any] = Config(str(root / ".dvc")).get("cache", {})
        return settings
    except Exception:
        return {}


def _cache_folder(root: Path, settings: Mapping[str, Any]) -> Path:
    return root / (settings.get("dir") or ".dvc/cache")


def _existing(place: Path) -> Path:
    return next(path for path in (place, *place.resolve().parents) if path.is_dir())


def _reflink(source: Path, target: Path) -> None:
    """Make a copy that shares its blocks, by Linux's FICLONE."""
    import fcntl

    with source.open("rb") as one, target.open("wb") as other:
        fcntl.ioctl(other.fileno(), 0x40049409, one.fileno())
