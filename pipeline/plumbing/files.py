"""Files and folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError


@contextmanager
def replaced_whole(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write to; what is written there then replaces `target`.

    If the block raises, `target` stays as it was and nothing is left beside it. A link is
    followed, and the mode of the replaced file is kept.
    """
    target = target.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        if target.exists():
            shutil.copymode(target, part)
        else:
            part.chmod(0o666 & ~_umask())
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_replaced_whole(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target`, which replaces it if the block ends well, else it goes."""
    partial, old = (target.with_name(f".{target.name}.{kind}") for kind in ("partial", "old"))
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if target.exists():
            target.rename(old)
        partial.rename(target)
    finally:
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)


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
