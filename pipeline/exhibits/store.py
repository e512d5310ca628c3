"""The points of a category's scans and the pictures of its test scans, beside its manifest.

`evaluate` and `rivals` use them and so read no raw file: an edit of a reader that changes no
prepared array leaves everything after extraction as it is, and a clone without raw scans can run
all of it (docs/decisions/0013).
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..dataset.bitmaps import BitMaps
from ..dataset.grid import SIZE
from ..dataset.manifest import PREPARED, Manifest, load_foreground
from ..plumbing.errors import DataError
from ..seals.arrays import array_in
from ..seals.mapped import release
from ..seals.sealed import Sealed
from .growing import GrowingArray

PICTURES_FILE = "pictures.npy"
POINTS_FILE = "points.npy"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """What is kept of one scan.

    Attributes:
        points: (P, 3) float32, metres, camera frame: the foreground's pixels in row order.
        picture: (224, 224, 3) uint8, what the RGB backbone saw; None: not a test scan.
    """

    points: NDArray[np.float32]
    picture: NDArray[np.uint8] | None = None


class ExhibitWriter:
    """Writes the exhibits of a manifest's scans, one after the other; see `writing_exhibits`."""

    def __init__(self, pictures: GrowingArray, points: GrowingArray) -> None:
        self._pictures, self._points = pictures, points

    def append(self, exhibit: Exhibit) -> None:
        """Add that of the manifest's next scan."""
        self._points.append(exhibit.points)
        if exhibit.picture is not None:
            self._pictures.append(exhibit.picture[None])


@contextmanager
def writing_exhibits(folder: Path) -> Iterator[ExhibitWriter]:
    """Yield what takes the exhibits of all scans, in the manifest's order.

    pictures.npy is (T, 224, 224, 3) uint8, of the T test scans; points.npy is (P, 3) float32, of
    all scans, scan after scan.
    """
    with (
        GrowingArray(folder / PICTURES_FILE, np.uint8, SIZE, SIZE, 3) as pictures,
        GrowingArray(folder / POINTS_FILE, np.float32, 3) as points,
    ):
        yield ExhibitWriter(pictures, points)


@dataclass(frozen=True, eq=False)
class Exhibits:
    """The exhibits of a prepared category, read from the disk when they are asked for.

    Attributes:
        tested: (T,) positions of the test scans in the manifest, in order.
        foreground: of all scans.
    """

    tested: tuple[int, ...]
    foreground: BitMaps
    _pictures: NDArray[np.uint8]
    _points: NDArray[np.float32]
    _ends: NDArray[np.int64]  # (N,) where the points of each scan end

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Self:
        """Open the exhibits in a folder that `prepare_category` wrote.

        Raises:
            CacheError: a file is missing, or not as it was written.
            DataError: it is not the manifest's.
        """
        tested = tuple(i for i, row in enumerate(manifest.rows) if row.split == "test")
        foreground = load_foreground(folder, manifest)
        ends = np.cumsum([row.n_foreground for row in manifest.rows], dtype=np.int64)
        sealed = Sealed.open(folder, PREPARED, manifest.category)
        pictures = _open(sealed, PICTURES_FILE, np.uint8, (len(tested), SIZE, SIZE, 3))
        points = _open(sealed, POINTS_FILE, np.float32, (int(ends[-1]) if len(ends) else 0, 3))
        return cls(tested, foreground, pictures, points, ends)

    def picture(self, position: int) -> NDArray[np.uint8]:
        """(224, 224, 3) uint8 of a test scan, by its position in the manifest."""
        place = bisect_left(self.tested, position)
        assert self.tested[place : place + 1] == (position,), f"scan {position} is no test scan"
        picture = np.array(self._pictures[place])
        release(self._pictures)
        return picture

    def points(self, position: int) -> NDArray[np.float32]:
        """(224, 224, 3) float32, metres, by position in the manifest; (0, 0, 0) elsewhere."""
        first = 0 if position == 0 else int(self._ends[position - 1])
        points = np.zeros((SIZE, SIZE, 3), np.float32)
        points[self.foreground[position]] = self._points[first : int(self._ends[position])]
        release(self._points)
        return points


def _open(sealed: Sealed, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray:
    path = sealed.folder / name
    try:
        array = array_in(sealed.map(name))
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}): run prepare again.") from error
    if array.dtype != dtype or array.shape != shape:
        raise DataError(
            f"{path} is {array.dtype} {array.shape} but its manifest needs {np.dtype(dtype)} "
            f"{shape}: run prepare again."
        )
    return array
