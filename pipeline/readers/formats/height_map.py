"""Height maps of laser profilers and fringe sensors: a height a pixel, on an even grid.

There is no pinhole: columns and rows are `pitch_x` and `pitch_y` apart wherever they lie. Heights
rise towards the sensor and may be negative, while a camera's frame has z > 0 into the scene. So the
origin is put above the scene, `stand_off` over height zero: z = stand_off - height. It is the same
for all scans, as a frame that each scan's own heights chose would hide how high a part stands.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, ConfigDict
from pydantic.dataclasses import dataclass

from ...dataset.grid import has_return
from ...plumbing.errors import DataError, UnitsError
from ...plumbing.words import counted
from .checks import MAX_COORDINATE_M
from .keys import Finite, Positive
from .no_return import off_axes

_STAND_OFF_M = 1.0  # float32 still tells 0.06 um apart there


def _not_zero(value: float) -> float:
    if value == 0:
        raise ValueError("must not be 0")
    return value


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class HeightMap:
    """How a map's numbers become points; lengths in the unit of the data set.

    Attributes:
        pitch_x, pitch_y: distance between columns and between rows; None where the files bring
            their own x and y.
        z_scale: height of one count; negative where numbers grow away from the sensor.
        z_offset: height of count 0.
        invalid: the number that stands for no return, beside NaN and empty cells; None: no other.
        stand_off: height over zero at which the frame has its origin, above every height; None is
            one metre.
    """

    pitch_x: Positive | None = None
    pitch_y: Positive | None = None
    z_scale: Annotated[Finite, AfterValidator(_not_zero)] = 1.0
    z_offset: Finite = 0.0
    invalid: Finite | None = None
    stand_off: Positive | None = None


HEIGHT_MAP_KEYS = frozenset(field.name for field in dataclasses.fields(HeightMap))


@dataclasses.dataclass(frozen=True)
class Heights:
    """A map that brings its pitch.

    Attributes:
        z: (H, W) float64; NaN is no return.
        pitch: distance between columns and between rows.
        unit_m: metres of all its lengths.
    """

    z: NDArray[np.float64]
    pitch: tuple[float, float]
    unit_m: float


def place_heights(
    path: Path, z: NDArray[Any], pitch: tuple[float, float], unit_m: float, scales: HeightMap
) -> NDArray[np.float32]:
    """(H, W, 3) float32 in metres: x and y from the middle of the map, (0, 0, 0) is no return.

    Args:
        z: (H, W) counts or heights.
        pitch: of columns and of rows, in `unit_m` metres.

    Raises:
        DataError: a height is not below the stand-off, or a coordinate is beyond 100 m.
    """
    height, width = z.shape
    x = (np.arange(width) - (width - 1) / 2) * pitch[0]
    y = (np.arange(height) - (height - 1) / 2) * pitch[1]
    known = np.isfinite(z) & ~_is_invalid(z, scales)
    points = np.stack([*np.broadcast_arrays(x, y[:, None]), z.astype(np.float64)], axis=-1)
    return _towards_scene(path, points, known, unit_m, scales)


def place_cloud(
    path: Path, points: NDArray[Any], unit_m: float, scales: HeightMap
) -> NDArray[np.float32]:
    """The same of (H, W, 3) points whose third coordinate rises towards the sensor.

    NaN is no return, and so is (0, 0, 0) where several pixels have it: one may be a point.
    """
    zero = ~has_return(points)
    known = np.isfinite(points).all(axis=-1) & ~_is_invalid(points[..., 2], scales)
    if zero.sum() > 1:
        known &= ~zero
    return _towards_scene(path, points.astype(np.float64), known, unit_m, scales)


def _is_invalid(z: NDArray[Any], scales: HeightMap) -> NDArray[np.bool_]:
    if scales.invalid is None:
        return np.zeros(z.shape, dtype=bool)
    # In the file's own precision: -99999.9999 is another number in float32.
    invalid = np.float32(scales.invalid) if z.dtype == np.float32 else scales.invalid
    return np.asarray(z == invalid)


def _towards_scene(
    path: Path,
    points: NDArray[np.float64],
    known: NDArray[np.bool_],
    unit_m: float,
    scales: HeightMap,
) -> NDArray[np.float32]:
    """In place: heights to depths under the stand-off, lengths to metres."""
    stand_off = _STAND_OFF_M if scales.stand_off is None else scales.stand_off * unit_m
    rise = points[..., 2] * scales.z_scale + scales.z_offset
    points *= unit_m
    points[..., 2] = stand_off - rise * unit_m
    points[~known] = 0
    farthest = float(np.abs(points).max())
    if farthest > MAX_COORDINATE_M:
        raise UnitsError(
            f"{path} has coordinates up to {farthest:g} m: check the unit, pitch_x, pitch_y, "
            "z_scale, z_offset and the invalid value of the height map."
        )
    narrow = points.astype(np.float32)
    above = int((known & ~(narrow[..., 2] > 0)).sum())
    if above:
        highest = float(rise[known].max())
        raise DataError(
            f"{path} has {counted(above, 'height')} of {stand_off / unit_m:g} or more, up to "
            f"{highest:g}: set stand_off above them, or the invalid value if they are no heights."
        )
    return off_axes(narrow, known)
