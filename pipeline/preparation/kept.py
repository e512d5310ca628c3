"""What is kept of each scan of a category, and the files that it goes into."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..dataset.bitmaps import PACKED
from ..dataset.manifest import (
    FOREGROUND_FILE,
    MASKS_FILE,
    PUBLISHED_MASKS_FILE,
    WHOLE_MASKS_FILE,
    ManifestRow,
)
from ..dataset.traits import TRAITS, TRAITS_FILE
from ..exhibits.growing import GrowingArray
from ..exhibits.store import Exhibit, writing_exhibits


@dataclass(frozen=True)
class Kept:
    """What is kept of a scan, in the files of the out."""

    row: ManifestRow
    # (6272,) each: foreground; mask; that of the whole scan, which differs where the row has a
    # crop; that with CFM's padding, which differs in the padding alone
    bits: tuple[NDArray[np.uint8], ...]
    exhibit: Exhibit
    traits: NDArray[np.float64]
    clutter: float


@contextmanager
def writing_kept(folder: Path) -> Iterator[Callable[[Kept], None]]:
    """Yield what writes each scan's arrays behind those of the scans before it."""
    names = FOREGROUND_FILE, MASKS_FILE, WHOLE_MASKS_FILE, PUBLISHED_MASKS_FILE
    with ExitStack() as stack:
        files = [
            stack.enter_context(GrowingArray(folder / name, np.uint8, PACKED)) for name in names
        ]
        exhibits = stack.enter_context(writing_exhibits(folder))
        traits = GrowingArray(folder / TRAITS_FILE, np.float64, len(TRAITS))
        stack.enter_context(traits)

        def write(one: Kept) -> None:
            for file, bits in zip(files, one.bits, strict=True):
                file.append(bits[None])
            exhibits.append(one.exhibit)
            traits.append(one.traits[None])

        yield write
