"""The orientation of a picture or point map, as TIFF's tag 274 and EXIF say it.

1 is upright; 2 to 4 are mirrored or upside down; 5 to 8 lie on a side. Source: TIFF 6.0, page 36.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError, MismatchError

Scalar = TypeVar("Scalar", bound=np.generic)

TAG = 274
UPRIGHT = 1
_BACK = {6: 8, 8: 6}  # all others undo themselves


def checked(path: Path, orientation: object) -> int:
    """The value of a tag; DataError where there is no such orientation."""
    if not isinstance(orientation, int) or not 1 <= orientation <= 8:
        raise DataError(f"{path} has the orientation {orientation}: save it again without one.")
    return orientation


def turned(image: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """An image (H, W, ...) as its orientation says that it is seen; (W, H, ...) from 5 on."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)  # 5
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def turned_back(image: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """The image as it was before `turned`."""
    return turned(image, _BACK.get(orientation, orientation))


def stored_size(shape: tuple[int, ...], orientation: int) -> tuple[int, int]:
    """(H, W) in the file of an image whose shape, once turned, is this."""
    return (shape[1], shape[0]) if orientation >= 5 else (shape[0], shape[1])


def both_turned(
    path: Path,
    shape: tuple[int, ...],
    orientation: int,
    rgb: Path,
    rgb_shape: tuple[int, ...],
    rgb_orientation: int,
) -> bool:
    """Whether two files of a scan fit each other as they were turned, or else as they were stored.

    With one orientation they do. With two, the sizes must tell which of the two registers them.

    Args:
        shape, rgb_shape: once turned, (H, W, ...).

    Raises:
        MismatchError: the orientations differ and the sizes fit in both ways.
    """
    as_turned = shape[:2] == rgb_shape[:2]
    stored = stored_size(shape, orientation) == stored_size(rgb_shape, rgb_orientation)
    if orientation != rgb_orientation and as_turned and stored:
        raise MismatchError(
            f"{path} has the orientation {orientation} but {rgb} has {rgb_orientation}: which of "
            "them fits the other cannot be told; save both upright, without an orientation."
        )
    return as_turned or not stored
