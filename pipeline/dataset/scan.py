"""One scan of any data set: where its files lie, and what they hold once they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..params.schema import Units

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Label = Literal[0, 1] | None

GOOD = "good"
UNKNOWN = "unknown"
_NO_FILES: Mapping[str, Path] = {}  # one for all scans


@dataclass(frozen=True, slots=True)
class ScanFiles:
    """Where one scan lies and how it is read.

    Attributes:
        id: unique in its category, such as "test/bump/003"; it begins with a folder's name.
        split: train, validation or test.
        defect: "good", the name of the defect, or "unknown".
        label: 0 good, 1 defective, None unknown.
        rgb: the image.
        points: the geometry, which is a point map, a point cloud or a depth image.
        mask: image of defect classes, or None; a good scan needs none.
        sidecars: further files that the geometry cannot be read without, by role: "camera",
            "info_depth", "pose".
        layout: name of the data set's layout, see `mentor3ad.readers.layouts`.
        units: of the geometry's coordinates.
        invalid: what stands for no return in the geometry, in its own units or counts; None: no
            number does.
        bits: of an image with 16 a channel, those in use; None: what the file says, else 16.
    """

    id: str
    split: Split
    defect: str
    label: Label
    rgb: Path
    points: Path
    mask: Path | None
    sidecars: Mapping[str, Path] = field(default_factory=lambda: _NO_FILES)
    layout: str = "mvtec3d"
    units: Units = "m"
    invalid: float | None = None
    bits: int | None = None

    def moved(self, move: Callable[[Path], Path]) -> ScanFiles:
        """The scan with its files elsewhere."""
        return replace(
            self,
            rgb=move(self.rgb),
            points=move(self.points),
            mask=None if self.mask is None else move(self.mask),
            sidecars={role: move(path) for role, path in self.sidecars.items()},
        )


@dataclass(frozen=True)
class RawScan:
    """One scan as the sensor gave it; all arrays are of one size (H, W).

    Attributes:
        rgb: (H, W, 3) uint8.
        points: (H, W, 3) float32, metres, camera frame; (0, 0, 0) is no return.
        mask: (H, W) uint8, defect class of each pixel, 0 is good; None where there is no mask.
        part_only: whether table and background had been removed before; the points are then
            used as they are.
        grey_mask: whether the mask had values between, so that what has at least half of the
            largest is marked.
    """

    rgb: NDArray[np.uint8]
    points: NDArray[np.float32]
    mask: NDArray[np.uint8] | None
    part_only: bool = False
    grey_mask: bool = False
