"""The geometry of a plant's scan as an organised point map, whatever its sensor writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...dataset.grid import has_return
from ...plumbing.errors import DataError, MismatchError, UnitsError
from ...plumbing.words import counted
from . import no_return
from .calibration import Calibration
from .camera import Camera
from .checks import MAX_COORDINATE_M, MAX_LISTED, check_side
from .height_map import HeightMap, Heights, place_cloud, place_heights
from .orientation import UPRIGHT
from .pinhole import back_project, move, project
from .records import Cloud
from .registry import GEOMETRY_SUFFIXES, has_colour, read_values
from .rig import Rig
from .tiff import read_keys

__all__ = [
    "GEOMETRY_SUFFIXES",
    "Camera",
    "Organised",
    "has_colour",
    "read_geometry",
    "read_organised",
]

METRES = {"m": 1.0, "mm": 0.001}


@dataclass(frozen=True)
class Organised:
    """What one file shows, a point a pixel.

    Attributes:
        points: (H, W, 3) float32: metres, camera frame, (0, 0, 0) is no return.
        rgb: (H, W, 3) uint8 of the file's own colours; None where it has none.
        orientation: as which the file's pixels were stored; here they are turned by it.
    """

    points: NDArray[np.float32]
    rgb: NDArray[np.uint8] | None
    orientation: int = UPRIGHT


def read_geometry(
    path: Path,
    *,
    units: Literal["m", "mm"] = "m",
    camera: Calibration | None = None,
    invalid: float | None = None,
) -> NDArray[np.float32]:
    """(H, W, 3) float32 organised point map: metres, camera frame, (0, 0, 0) is no return.

    What the file holds is told by its content, not its suffix:

    - x, y, z a pixel (TIFF, NPY, NPZ, organised PLY or PCD), in the camera's frame already;
    - depth along the optical axis (PNG, TIFF, NPY, CSV): needs `camera`; 0 is no return;
    - heights (PNG, TIFF, NPY, CSV): need a `HeightMap`; x, y, z whose z rises may have one;
    - an unorganised cloud (PLY, PCD): needs `camera`, whose pose and intrinsics project it. The
      nearest point of a pixel wins, the first in the file of equally near ones.

    In all of them a point or depth that is NaN or Inf is no return. So is a depth, or a point's z,
    that equals `invalid` or the file's own key for no return (GDAL's in a TIFF). A TIFF is turned
    as its orientation says; the camera is that of the turned picture.

    Args:
        path: the file.
        units: of the file's lengths.
        camera: intrinsics, for unorganised clouds with the pose, or the scales of heights.
        invalid: what stands for no return, in the file's own unit or counts.

    Raises:
        NoReturnError: a number that nobody named looks like one for no return.
        DataError: the file is refused by its reader; a point has z <= 0 or a coordinate beyond
            100 m, as in wrong units; the camera is missing or of another size.
    """
    return read_organised(path, units=units, camera=camera, invalid=invalid).points


@np.errstate(invalid="ignore", over="ignore")  # NaN and Inf are no return, and no accident
def read_organised(
    path: Path,
    *,
    units: Literal["m", "mm"] = "m",
    camera: Calibration | None = None,
    invalid: float | None = None,
) -> Organised:
    """The geometry, as `read_geometry`, with the colours that a PLY or PCD has of its points.

    Of a rig the points are the depth camera's; `register` brings its image onto them.
    """
    if isinstance(camera, Rig):
        camera = camera.depth
    keys, values = read_keys(path), read_values(path)
    invalid = keys.no_return if invalid is None else invalid
    if isinstance(camera, HeightMap) or isinstance(values, Heights):
        scales = camera if isinstance(camera, HeightMap) else HeightMap()
        camera = scales if scales.invalid is not None else replace(scales, invalid=invalid)
    if isinstance(values, Cloud):
        units = values.units or units
        if values.grid is None:
            cloud = replace(values, points=no_return.without(values.points, invalid))
            return _project(path, cloud, units, camera)
        rgb = None if values.colours is None else values.colours.reshape(*values.grid, 3)
        points = values.points.reshape(*values.grid, 3)
        return Organised(_place_cloud(path, points, units, camera, invalid), rgb)
    if isinstance(values, Heights):
        assert isinstance(camera, HeightMap)
        return Organised(place_heights(path, values.z, values.pitch, values.unit_m, camera), None)
    place = _place_cloud if values.ndim == 3 else _place_image
    return Organised(place(path, values, units, camera, invalid), None, keys.orientation)


def _place_cloud(
    path: Path,
    points: NDArray[Any],
    units: str,
    camera: Camera | HeightMap | None,
    invalid: float | None,
) -> NDArray[np.float32]:
    points = no_return.without(points, invalid)
    if isinstance(camera, HeightMap):
        no_return.check_heights(path, points[..., 2][has_return(points)], camera.invalid)
        return place_cloud(path, points, METRES[units], camera)
    no_return.check_depths(path, points)
    return _to_metres(path, points, units)


def _place_image(
    path: Path,
    values: NDArray[Any],
    units: str,
    camera: Camera | HeightMap | None,
    invalid: float | None,
) -> NDArray[np.float32]:
    if camera is None:
        raise DataError(
            f"{path} is a depth image: give the camera's intrinsics in a file camera.json in the "
            "category's folder, or heightmap.yaml for a height map (docs/data-layouts.md)."
        )
    if isinstance(camera, Camera):
        depth = no_return.without(values, invalid)
        no_return.check_depths(path, depth)
        points = _to_metres(path, _back_project(path, depth, camera), units)
        return no_return.off_axes(points, has_return(points))
    if camera.pitch_x is None or camera.pitch_y is None:
        raise DataError(f"{path} is a height map: give pitch_x and pitch_y in heightmap.yaml.")
    pitch = camera.pitch_x, camera.pitch_y
    no_return.check_heights(path, values, camera.invalid)
    return place_heights(path, values, pitch, METRES[units], camera)


def _back_project(path: Path, depth: NDArray[Any], camera: Camera) -> NDArray[np.float64]:
    if depth.shape != (camera.height, camera.width):
        raise MismatchError(
            f"{path} is {depth.shape[0]} x {depth.shape[1]} pixels but its camera has "
            f"{camera.height} x {camera.width}: give the camera of this sensor."
        )
    counts = depth.dtype.kind in "iu"
    scale = camera.depth_scale if counts and camera.depth_scale is not None else 1.0
    return back_project(depth * np.float64(scale), camera)


def _project(path: Path, cloud: Cloud, units: str, camera: Camera | HeightMap | None) -> Organised:
    if not isinstance(camera, Camera):
        raise DataError(
            f"{path} is an unorganised cloud, a list of {counted(len(cloud.points), 'point')} "
            "without rows and columns: give the camera's intrinsics and pose in a file camera.json "
            "in the category's folder, or save it organised, with its width and height."
        )
    check_side(path, camera.height, camera.width)  # of the picture that is made
    points = cloud.points
    if len(points) > MAX_LISTED:
        raise DataError(
            f"{path} is a list of {len(points)} points, over {MAX_LISTED}: save it organised, with "
            "its width and height, or every second point."
        )
    returned = np.flatnonzero(np.isfinite(points).all(axis=-1) & has_return(points))
    if not len(returned):
        raise DataError(f"{path} has no point with a return: scan the part again.")
    in_metres = _to_metres(path, move(points[returned], camera), units)
    in_front = in_metres[:, 2] > 0
    seen = project(path, in_metres[in_front], camera)
    colours = None if cloud.colours is None else seen.image(cloud.colours[returned[in_front]])
    return Organised(seen.image(in_metres[in_front]), colours)


def _to_metres(path: Path, points: NDArray[Any], units: str) -> NDArray[np.float32]:
    """(..., 3) float32; not finite becomes (0, 0, 0)."""
    scale = METRES[units]
    metres = points if scale == 1 else points.astype(np.float64) * scale
    finite = np.isfinite(metres).all(axis=-1, keepdims=True)
    metres = np.where(finite, metres, 0)
    farthest = max(float(metres.max()), -float(metres.min()))  # no copy, as np.abs makes one
    if farthest > MAX_COORDINATE_M:
        raise UnitsError(
            f"{path} has coordinates up to {farthest:g} m: the units look wrong, "
            f"they are taken to be {units}."
        )
    narrow = metres.astype(np.float32)
    behind = int(((narrow[..., 2] <= 0) & has_return(narrow)).sum())
    if behind:
        raise UnitsError(
            f"{path} has {counted(behind, 'point')} with z <= 0: the units look wrong, or the "
            "frame is not the camera's, whose z points at the part; heights that rise towards the "
            "sensor need heightmap.yaml."
        )
    return narrow
