"""What every reader checks, and how it refuses.

Sizes are checked before memory is taken: a few bytes can claim an image of many gigabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...plumbing.errors import DataError

MAX_SIDE = 8192  # pixels; below it Pillow's decompression-bomb guard has nothing to warn of
# Structured-light sensors give up to 5 million points, and a scan of the largest size must be read
# and searched for its part in 1.5 GB. A line scanner's long image may have a longer side.
MAX_POINTS = 4096 * 4096
MAX_LISTED = MAX_POINTS // 2  # of a list without rows and columns: projecting it takes more memory
MAX_COORDINATE_M = 100.0  # beyond any structured-light sensor; a plant's millimetres are not metres

_LONGEST_REASON = 200  # characters of a decoder's own message


def check_file(path: Path) -> None:
    """Raises DataError unless `path` leads to a regular file (links in a circle do not)."""
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:  # no permission; a zero byte in the name
        raise damaged(path, error) from error
    if not found:
        raise DataError(f"{path} does not exist or is not a file: restore it or fix the path.")


def check_side(path: Path, height: int, width: int) -> None:
    """Raises DataError unless sides are 1 to `MAX_SIDE` pixels, and all at most `MAX_POINTS`."""
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise DataError(
            f"{path} claims {height} x {width} pixels: the sides must be 1 to {MAX_SIDE} pixels."
        )
    if height * width > MAX_POINTS:
        raise DataError(
            f"{path} claims {height} x {width} pixels, over {MAX_POINTS} in all: save every second "
            "row and column."
        )


def read_head(path: Path, n: int) -> bytes:
    """The first `n` bytes of a file, fewer if it ends before.

    Raises:
        DataError: no such file, or one that must not be read.
    """
    check_file(path)
    with decoding(path), path.open("rb") as file:
        return file.read(n)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder stumbles on into a DataError; ours pass as they are."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # decoders let struct, zlib, index and their own errors through
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> DataError:
    """The refusal of a file that its decoder gave up on."""
    reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
    return DataError(f"{path} cannot be read ({reason}): copy it from its source again.")


def truncated(path: Path) -> DataError:
    """The refusal of a file that is shorter than its header says."""
    return DataError(f"{path} is truncated: copy it from its source again.")
