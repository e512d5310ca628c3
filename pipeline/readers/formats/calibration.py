"""The small file beside the scans that says how their geometry becomes points.

Which kind it is shows in its keys, so that it may have any name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from .camera import Camera
from .height_map import HEIGHT_MAP_KEYS, HeightMap
from .keys import build, read_keys

Calibration: TypeAlias = Camera | HeightMap

# Names that are looked for where none is given; of each, one may be there.
CALIBRATION_FILES = tuple(
    f"{stem}.{suffix}" for stem in ("camera", "heightmap") for suffix in ("json", "yaml", "yml")
)


def load_calibration(path: Path) -> Calibration:
    """Read a pinhole camera or the scales of height maps.

    Raises:
        DataError: no such file, not JSON or YAML, over 64 KiB, a key that is unknown or missing,
            or a value that no such sensor has.
    """
    keys = read_keys(path, "write fx, fy, cx, cy, width and height, or those of a height map")
    if HEIGHT_MAP_KEYS & keys.keys():
        return build(HeightMap, path, keys, "height map's file")
    return build(Camera, path, keys, "camera")
