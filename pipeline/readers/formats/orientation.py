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


def registered(
    path: Path,
    image: NDArray[Scalar],
    orientation: int,
    rgb: Path,
    rgb_shape: tuple[int, ...],
    rgb_orientation: int,
) -> NDArray[Scalar]:
    """A scan's geometry or mask in the pixels of its upright picture.

    With the picture's orientation it is there already. With another one, mostly as only one of the
    files can say it, the sizes tell: either each file says truly how it is seen, or the pixels were
    registered as they are stored, and both are turned as the picture says.

    Args:
        image: turned as its own orientation says, (H, W, ...).
        rgb_shape: of the picture, turned as well.

    Raises:
        MismatchError: the orientations differ and the sizes fit both ways.
    """
    fits = image.shape[:2] == rgb_shape[:2]
    if orientation == rgb_orientation:
        return image
    stored = stored_size(image.shape, orientation) == stored_size(rgb_shape, rgb_orientation)
    if fits and stored:
        raise MismatchError(
            f"{path} has the orientation {orientation} but {rgb} has {rgb_orientation}: which of "
            "them fits the other cannot be told; save both upright, without an orientation."
        )
    if fits or not stored:
        return image
    return turned(turned_back(image, orientation), rgb_orientation)
