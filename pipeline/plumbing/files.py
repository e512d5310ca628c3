"""Files and folders that appear whole or not at all."""

import contextlib
import ctypes
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .claims import check_claims
from .errors import DataError
from .locks import LockedError, lock

_PARTIAL = ".partial"
_LONGEST_PREFIX = 200  # bytes of a name of 255: what mkstemp adds has room behind them


def write_whole(target: Path, text: str, follow: bool = False) -> None:
    """Write a text (UTF-8, its line ends as they are) that replaces `target`, whole or not at all.

    Its folder is made where it is missing. See `replaced_whole`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced_whole(target, follow) as part:
        part.write_text(text, encoding="utf-8", newline="")


@contextmanager
def replaced_whole(target: Path, follow: bool = True) -> Iterator[Path]:
    """Yield a path beside `target` to write to; what is written there then replaces `target`.

    If the block raises, `target` stays as it was and nothing is left beside it. The mode of the
    replaced file is kept.

    Args:
        follow: where `target` is a link, replace the file that it leads to. That of one of DVC's
            outs is in DVC's cache, which must stay as it is.
    """
    if follow:
        target = target.resolve()
    elif target.is_symlink():
        target.unlink()
    prefix = (
        f".{target.name.encode('utf-8', 'ignore')[:_LONGEST_PREFIX].decode('utf-8', 'ignore')}."
    )
    handle, name = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        if target.exists():
            shutil.copymode(target, part)
        else:
            part.chmod(0o666 & ~_umask())
        _sync(part)
        check_claims()
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _shortened(name: str) -> str:
    """A name without the end that would make one with a random part too long."""
    return os.fsencode(name)[:_LONGEST_PREFIX].decode("utf-8", "ignore")


@contextmanager
def folder_replaced_whole(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target`, which replaces it if the block ends well, else it goes.

    Of several writers each has a folder of its own, and the last one's stays. What a killed one
    left is removed by the next.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in leftovers(target.parent, target.name):
        remove_leftovers(target.parent, leftover.name)
    with _new_folder(target) as partial:
        partial.chmod(0o777 & ~_umask())
        yield partial
        _sync_all(partial)
        check_claims()
        _put_in_place(partial, target)


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target` that no other writer removes; whatever has its name goes."""
    while True:
        folder = Path(tempfile.mkdtemp(_PARTIAL, f".{target.name}.", target.parent))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            try:
                stack.enter_context(_held_folder(folder))
            except (FileNotFoundError, LockedError):  # another took it for a leftover just now
                continue
            if folder.is_dir():
                yield folder
                return


def _put_in_place(partial: Path, target: Path) -> None:
    """Rename a folder to `target`; one that was there gets the name of the first, and so goes."""
    while True:
        try:
            partial.rename(target)  # which replaces nothing but an empty folder
            return
        except OSError:
            if not target.is_dir():
                raise
        with contextlib.suppress(FileNotFoundError):  # another writer is just replacing it
            _exchange(partial, target)
            return


def _exchange(one: Path, other: Path) -> None:
    """Swap the names of two folders: in one step on Linux, where there is no moment without one."""
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None) if os.name == "posix" else None
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2 and renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
        return
    old = other.with_name(f"{one.name}.old")
    other.rename(old)
    try:
        one.rename(other)
    except OSError:
        if not other.exists():
            old.rename(other)
        raise
    old.rename(one)


def leftovers(parent: Path, name: str = "") -> Iterator[Path]:
    """Yield the unfinished folders that killed writers left in a folder; a living one's is locked.

    Args:
        name: of the folder that they wrote; empty: any.
    """
    for folder in sorted(parent.glob(f".{glob.escape(name) or '*'}.*{_PARTIAL}*")):
        try:
            with _held_folder(folder):
                pass
        except (OSError, LockedError):
            continue
        yield folder


def remove_leftovers(parent: Path, name: str) -> None:
    """Remove what a killed writer left, unless it is a living one's."""
    with contextlib.suppress(OSError, LockedError), _held_folder(parent / name):
        shutil.rmtree(parent / name, ignore_errors=True)


@contextmanager
def _held_folder(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder itself, where the system has such locks.

    Raises:
        LockedError: another process holds it.
    """
    if os.name != "posix":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock(handle, wait=False)
        yield
    finally:
        os.close(handle)


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            _sync(path)


def _sync(path: Path) -> None:
    """Have the system write a file to the disk now; else a power cut may leave it empty."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_inside(root: Path, path: Path) -> Path:
    """Return `path` itself if it stays in root once links and ".." are resolved.

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
