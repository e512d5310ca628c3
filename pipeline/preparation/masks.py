"""A scan's mask may mark defects alone, on the part, and not everything but them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import PATCH
from ..dataset.scan import ScanFiles
from ..plumbing.errors import DataError

_NEAR_PX = PATCH  # of 224: people draw past the part's rim, and where material is missing
MUCH_CLUTTER = 0.2  # share of a scan's points off the table that is worth a word
_SQUARE = np.ones((3, 3), dtype=bool)


def check_label(scan: ScanFiles, mask: NDArray[np.uint8] | None) -> None:
    """Check the mask (H, W) of a scan against its label.

    Raises:
        DataError: the mask of a good scan marks a defect, or that of a defective one marks its
            whole border, as an inverted mask does.
    """
    if mask is None or not mask.any():
        return
    if scan.label == 0:
        raise DataError(
            f"{scan.mask} marks {int(mask.astype(bool).sum())} defect pixels on a good scan: "
            "clear the mask or move the scan to its defect's folder."
        )
    if mask[[0, -1]].all() and mask[:, [0, -1]].all():
        raise DataError(
            f"{scan.mask} marks its whole border and {(mask > 0).mean():.1%} of its pixels: it "
            "looks inverted; save it with 0 where the part is good."
        )


def check_place(
    scan: ScanFiles, mask: NDArray[np.bool_], foreground: NDArray[np.bool_], marks: bool = True
) -> None:
    """Refuse a mask that lies nowhere on the part: its defect could not be found.

    Args:
        mask, foreground: (224, 224) of the same window.
        marks: whether the whole mask marks anything, also outside the window.

    Raises:
        DataError: no marked pixel is within 8 pixels of the foreground.
    """
    if marks and not (mask & _reach(foreground)).any():
        raise DataError(
            f"{scan.mask} marks nothing on the part that was found in {scan.points}: set "
            "data.parts to all if several parts are in view, or correct the mask or the limits of "
            "data.foreground."
        )


def stray_regions(mask: NDArray[np.bool_], foreground: NDArray[np.bool_]) -> int:
    """Return how many 8-connected regions of the mask lie off the part, as `check_place` has it."""
    from scipy import ndimage  # slow to import; only defects need it

    labels, count = ndimage.label(mask, _SQUARE)
    seen = np.unique(labels[_reach(foreground) & mask])
    return int(count) - len(seen)


def clutter_words(share: float) -> str:
    """A sentence on what was dropped, for one scan or the most of several."""
    return (
        f"{share:.1%} of the points that stand off the table were dropped as clutter; set "
        "data.parts to all if they are parts"
    )


def _reach(foreground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy import ndimage

    return np.asarray(ndimage.binary_dilation(foreground, _SQUARE, iterations=_NEAR_PX))
