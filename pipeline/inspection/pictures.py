"""Writes what can be kept of an inspection: heatmap, anomaly map, coloured point cloud."""

from collections.abc import Collection
from pathlib import Path
from typing import Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from ..drawing.alarm import predicted
from ..drawing.panels import MapView, dashed, overlay
from ..plumbing.files import replaced_whole
from ..preparation.resize import restore_rgb
from .found import Inspection

PictureKind = Literal["heatmap", "map", "ply"]
SUFFIXES: dict[PictureKind, str] = {"heatmap": ".png", "map": ".tiff", "ply": ".ply"}
_PLY_HEADER = """ply
format binary_little_endian 1.0
comment metres, camera frame
element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property float anomaly
end_header
"""


def save_pictures(
    folder: Path, name: str, inspection: Inspection, kinds: Collection[PictureKind]
) -> None:
    """Write the kinds asked for, as FOLDER/KIND/NAME with the kind's suffix.

    Each file appears whole or not at all. The same inspection gives the same bytes.

    Args:
        name: the scan's id, which may name folders.
    """
    writers = {"heatmap": _write_heatmap, "map": _write_map, "ply": _write_cloud}
    for kind in kinds:
        path = folder / kind / f"{name}{SUFFIXES[kind]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced_whole(path) as part:
            writers[kind](part, inspection)


def heatmap(inspection: Inspection) -> NDArray[np.uint8]:
    """(224, 224, 3) the anomaly map on the grey image, as `draw_heatmap` draws it."""
    picture = restore_rgb(inspection.scan.rgb)
    foreground = inspection.foreground
    return draw_heatmap(picture, inspection.anomaly_map, foreground, inspection.threshold)


def draw_heatmap(
    picture: NDArray[np.uint8],
    anomaly: NDArray[np.float32],
    foreground: NDArray[np.bool_],
    threshold: float,
) -> NDArray[np.uint8]:
    """Draw an anomaly map on the grey picture, with a dashed line around what is above a threshold.

    Colours run from 0 to twice the threshold on every scan, so that they can be compared; where
    there is no threshold above 0, to the part's maximum.

    Args:
        picture: (224, 224, 3), what the RGB backbone saw.
        anomaly, foreground: (224, 224).
    """
    top = 2 * threshold if threshold > 0 else float(anomaly[foreground].max()) or 1.0
    seen = overlay(picture, MapView("anomaly", anomaly, 0.0, top), foreground)
    return dashed(seen, predicted(anomaly, foreground, threshold))


def _write_heatmap(path: Path, inspection: Inspection) -> None:
    Image.fromarray(heatmap(inspection)).save(path, format="PNG")


def _write_map(path: Path, inspection: Inspection) -> None:
    tifffile.imwrite(
        path, inspection.anomaly_map, photometric="minisblack", metadata=None, software=False
    )


def _write_cloud(path: Path, inspection: Inspection) -> None:
    """Write the foreground's points, coloured as the heatmap, with the anomaly of each."""
    seen = inspection.foreground
    vertices = np.empty(
        int(seen.sum()), dtype=[("xyz", "<f4", 3), ("colour", "u1", 3), ("anomaly", "<f4")]
    )
    vertices["xyz"] = inspection.scan.points[seen]
    vertices["colour"] = heatmap(inspection)[seen]
    vertices["anomaly"] = inspection.anomaly_map[seen]
    path.write_bytes(_PLY_HEADER.format(count=len(vertices)).encode() + vertices.tobytes())
