"""Files that are mapped into memory, of which little is in memory at a time.

A process counts as large as all pages of a file that it ever touched, unless it gives them back.
They stay in the system's cache while there is room, so that touching them again costs little.
"""

from __future__ import annotations

import hashlib
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .seal import Mark

_STEP = 1 << 24  # bytes that are hashed before their pages are given back


def mark_mapped(content: memoryview) -> Mark:
    """The mark of a mapped file's content."""
    digest = hashlib.sha256()
    for start in range(0, len(content), _STEP):
        digest.update(content[start : start + _STEP])
        release(content)
    return Mark(len(content), f"sha256:{digest.hexdigest()}")


def release(content: memoryview | NDArray[Any]) -> None:
    """Give the pages of a mapped file back; whoever reads on gets the same bytes."""
    found: Any = content
    while isinstance(found, np.ndarray | memoryview):
        found = found.base if isinstance(found, np.ndarray) else found.obj
    if isinstance(found, mmap.mmap) and hasattr(found, "madvise"):
        found.madvise(mmap.MADV_DONTNEED)
