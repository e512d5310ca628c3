"""The pinhole camera over a slightly tilted table, and each pixel's table coordinates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Reals = NDArray[np.floating[Any]]

FIELD_MM = 188.0  # width of table that the image spans; the part takes about a fifth of its area
DISTANCE_MM = 455.0  # camera to table centre, along the optical axis
TILT_DEG = (1.6, -2.3)  # of the table about the image's y and x axes
LAMP_TURN = float(np.radians(-128.0))  # the lamp stands at the upper left
FOCUS_M = 0.0103431  # lens of the MVTec 3D-AD sensor; the pixel pitch follows from it


@dataclass(frozen=True)
class Frame:
    """One view of the table. Lengths in mm; table frame: x right, y down, z to the camera.

    x, y: (S, S) table coordinates where each pixel's ray meets the table.
    rays: (S, S, 3) directions in the camera frame with z = 1.
    incline: (S, S) rate at which a step along the ray (in camera z) loses height above the table.
    distance: mm from the camera to the table plane along the plane's normal.
    """

    size: int
    pitch: float
    x: Floats
    y: Floats
    rays: Floats
    incline: Floats
    distance: float

    def points(self, height: Floats) -> Floats:
        """Camera-frame points (S, S, 3) in metres of the surface `height` mm above the table."""
        depth = (self.distance - height) / self.incline * 1e-3
        return np.asarray(self.rays * depth[..., None], dtype=np.float32)

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns that hold every pixel within `reach` mm of the table point (x, y)."""
        span = reach + 3.0 + self.pitch  # the tilt bends pixel coordinates by up to 2 mm
        return self._cut(y, span), self._cut(x, span)

    def _cut(self, at: float, span: float) -> slice:
        bounds = (np.array([at - span, at + span]) / self.pitch + self.size / 2).round().astype(int)
        low, high = np.clip(bounds, 0, self.size)
        return slice(int(low), int(high))

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        """The (row, column) nearest to a table point."""
        rows, columns = self.window(x, y, 2.0)
        miss = np.hypot(self.x[rows, columns] - x, self.y[rows, columns] - y)
        row, column = np.unravel_index(int(miss.argmin()), miss.shape)
        return rows.start + int(row), columns.start + int(column)


def focal_pixels(size: int) -> float:
    """Focal length in pixels of a size x size image."""
    return size * DISTANCE_MM / FIELD_MM


def look(size: int, rng: np.random.Generator) -> Frame:
    """The view of the rig, which is fixed but for the small play of the table between scans."""
    tilt = np.radians(np.array(TILT_DEG) + rng.normal(0, 0.08, 2))
    origin = np.array([0.0, 0.0, DISTANCE_MM + rng.normal(0, 0.3)])
    normal = np.array([np.sin(tilt[0]), np.sin(tilt[1]), -1.0])
    normal /= np.linalg.norm(normal)
    right = np.array([1.0, 0.0, -normal[0] / normal[2]])
    right /= np.linalg.norm(right)
    down = np.cross(right, normal)  # normal points at the camera
    steps = (np.arange(size) + 0.5 - size / 2) / focal_pixels(size)
    columns, rows = np.meshgrid(steps, steps)
    distance = float(-(origin @ normal))
    incline = -(columns * normal[0] + rows * normal[1] + normal[2])  # (S, S)
    reach = distance / incline  # depth, mm, at which each ray meets the table

    def coordinate(axis: NDArray[np.float64]) -> Floats:
        along = reach * (columns * axis[0] + rows * axis[1] + axis[2]) - origin @ axis
        return along.astype(np.float32)

    return Frame(
        size=size,
        pitch=FIELD_MM / size,
        x=coordinate(right),
        y=coordinate(down),
        rays=np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float32),
        incline=incline.astype(np.float32),
        distance=distance,
    )


def camera_parameters(size: int) -> dict[str, object]:
    """Content of calibration/camera_parameters.json: MVTec 3D-AD's keys, no lens distortion."""
    pixel = FOCUS_M / focal_pixels(size)
    return {
        "camera_type": "area_scan_division",
        "focus": FOCUS_M,
        "kappa": 0.0,
        "sx": pixel,
        "sy": pixel,
        "cx": size / 2 - 0.5,
        "cy": size / 2 - 0.5,
        "image_width": size,
        "image_height": size,
    }
