"""The traits of a scan: a few numbers that say whether it was taken like those of the training.

They stand beside the manifest, a row for each scan, and are made by `preparation/traits.py`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..plumbing.errors import DataError
from ..seals.arrays import array_in
from ..seals.sealed import Sealed
from .manifest import PREPARED, Manifest

TRAITS_FILE = "traits.npy"

# In the order of the columns. Of the picture's part: log2 of the mean luminance of 255, shares of
# overexposed and of black pixels, log2 of the luminance's spread over its mean, shares of red and
# blue. Of the part: log2 of its pixels, log2 of its standard deviations in m along its principal
# axes, the median of its points in m, its smallest axis' lean to x and y, the difference and the
# covariance of its pixels' spreads along both sides, the share of void pixels within its outline,
# and that of its pixels on the border of the window.
TRAITS = (
    "brightness",
    "overexposed",
    "black",
    "contrast",
    "red",
    "blue",
    "pixels",
    "length",
    "width",
    "height",
    "x",
    "y",
    "z",
    "lean_x",
    "lean_y",
    "turn",
    "skew",
    "missing",
    "border",
)


def load_traits(folder: Path, manifest: Manifest) -> NDArray[np.float64]:
    """(N, len(TRAITS)) float64: the traits of every row of a preparation.

    Raises:
        CacheError: the array is missing, or not as it was written.
        DataError: it is not the manifest's.
    """
    path = folder / TRAITS_FILE
    sealed = Sealed.open(folder, PREPARED, manifest.category)
    try:
        found = array_in(sealed.map(TRAITS_FILE))
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}): run prepare again.") from error
    wanted = (len(manifest.rows), len(TRAITS))
    if found.dtype != np.float64 or found.shape != wanted or not np.isfinite(found).all():
        raise DataError(
            f"{path} is {found.dtype} {found.shape}, or not finite, but its manifest needs "
            f"float64 {wanted}: run prepare again."
        )
    return np.array(found)
