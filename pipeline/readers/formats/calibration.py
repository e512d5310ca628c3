"""The small file beside the scans that says how their geometry becomes points.

Which kind it is shows in its keys, so that it may have any name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from ...plumbing.errors import DataError
from .camera import Camera
from .foreign_camera import camera_keys
from .height_map import HEIGHT_MAP_KEYS, HeightMap
from .keys import build, read_keys
from .rig import Rig

Calibration: TypeAlias = Camera | HeightMap | Rig

_RIG_KEYS = frozenset({"depth", "color", "color_from_depth"})

# Names that are looked for where none is given; of each, one may be there.
CALIBRATION_FILES = tuple(
    f"{stem}.{suffix}"
    for stem in ("camera", "heightmap", "rig")
    for suffix in ("json", "yaml", "yml")
)


def load_calibration(path: Path) -> Calibration:
    """Read a pinhole camera, the scales of height maps, or a rig of two cameras.

    Raises:
        DataError: no such file, not JSON or YAML, over 64 KiB, a key that is unknown or missing, a
            value that no such sensor has, or a lens of another model than OpenCV's.
    """
    keys = read_keys(path, "write fx, fy, cx, cy, width and height, or those of a height map")
    if HEIGHT_MAP_KEYS & keys.keys():
        return build(HeightMap, path, keys, "height map's file")
    if _RIG_KEYS & keys.keys():
        cameras = {name: _camera_of(path, keys, name) for name in ("depth", "color")}
        return build(Rig, path, keys | cameras, "rig")
    return build(Camera, path, camera_keys(path, keys), "camera")


def _camera_of(path: Path, keys: dict[str, Any], name: str) -> Camera:
    own = keys.get(name)
    if not isinstance(own, dict) or not all(isinstance(key, str) for key in own):
        raise DataError(f"{path} has no keys under {name}: write that camera's fx, fy, cx, cy, ...")
    return build(Camera, path, camera_keys(path, own), f"rig, its {name}: not a camera")
