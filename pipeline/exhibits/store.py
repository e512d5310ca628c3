"""The pictures and points of a category's test scans, beside its manifest.

`evaluate` draws from them and so reads no raw file: an edit of a reader that changes no prepared
array leaves everything after extraction as it is (docs/decisions/0013).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import SIZE
from ..dataset.manifest import Manifest, load_foreground
from ..plumbing.errors import DataError

PICTURES_FILE = "pictures.npy"
POINTS_FILE = "points.npy"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """What the report shows of one scan.

    Attributes:
        picture: (224, 224, 3) uint8, what the RGB backbone saw.
        points: (P, 3) float32, metres, camera frame: the foreground's pixels in row order.
    """

    picture: NDArray[np.uint8]
    points: NDArray[np.float32]


def save_exhibits(folder: Path, exhibits: Sequence[Exhibit]) -> None:
    """Write the exhibits of the manifest's test scans, in the manifest's order.

    pictures.npy is (T, 224, 224, 3) uint8; points.npy is (P, 3) float32, scan after scan.
    """
    pictures = [np.zeros((0, SIZE, SIZE, 3), np.uint8), *(one.picture[None] for one in exhibits)]
    points = [np.zeros((0, 3), np.float32), *(one.points for one in exhibits)]
    np.save(folder / PICTURES_FILE, np.concatenate(pictures))
    np.save(folder / POINTS_FILE, np.concatenate(points))


@dataclass(frozen=True, eq=False)
class Exhibits:
    """The exhibits of a prepared category, read from the disk when they are asked for.

    Attributes:
        index: (T,) positions of the test scans in the manifest, in order.
        foreground: (T, 224, 224) bool.
    """

    index: tuple[int, ...]
    foreground: NDArray[np.bool_]
    _pictures: NDArray[np.uint8]
    _points: NDArray[np.float32]
    _ends: NDArray[np.int64]  # (T,) where the points of each scan end

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> Self:
        """Open the exhibits in a folder that `prepare_category` wrote.

        Raises:
            DataError: a file is missing, damaged or not the manifest's.
        """
        index = tuple(i for i, row in enumerate(manifest.rows) if row.split == "test")
        foreground = load_foreground(folder, manifest)[list(index)]
        ends = np.cumsum(foreground.sum(axis=(1, 2), dtype=np.int64))
        pictures = _open(folder / PICTURES_FILE, np.uint8, (len(index), SIZE, SIZE, 3))
        points = _open(folder / POINTS_FILE, np.float32, (int(ends[-1]) if index else 0, 3))
        return cls(index, foreground, pictures, points, ends)

    def picture(self, n: int) -> NDArray[np.uint8]:
        """(224, 224, 3) uint8 of the test scan with number n."""
        return np.array(self._pictures[n])

    def points(self, n: int) -> NDArray[np.float32]:
        """(224, 224, 3) float32, metres, of the test scan with number n; (0, 0, 0) elsewhere."""
        first = 0 if n == 0 else int(self._ends[n - 1])
        points = np.zeros((SIZE, SIZE, 3), np.float32)
        points[self.foreground[n]] = self._points[first : int(self._ends[n])]
        return points


def _open(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray:
    try:  # a file without values cannot be mapped
        array = np.load(path, allow_pickle=False, mmap_mode="r" if np.prod(shape) else None)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}): run prepare again.") from error
    if array.dtype != dtype or array.shape != shape:
        raise DataError(
            f"{path} is {array.dtype} {array.shape} but its manifest needs {np.dtype(dtype)} "
            f"{shape}: run prepare again."
        )
    return array
