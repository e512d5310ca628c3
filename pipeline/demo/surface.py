"""What stands on the table: a height map with its colours, and the pose it was placed in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .frame import Floats, Frame
from .texture import Colour, mix, noise, tinted

TABLE: Colour = (0.150, 0.156, 0.170)


@dataclass(frozen=True)
class PartPose:
    """Where the part lies: centre (mm, table frame), rotation (radians), inner and outer radius."""

    x: float
    y: float
    angle: float
    inner: float
    outer: float

    def local(self, frame: Frame) -> tuple[Floats, Floats]:
        """Polar coordinates (radius in mm, angle) of each pixel in the part's own frame."""
        dx, dy = frame.x - np.float32(self.x), frame.y - np.float32(self.y)
        return np.hypot(dx, dy), np.arctan2(dy, dx) - np.float32(self.angle)

    def at(self, radius: float, theta: float) -> tuple[float, float]:
        """Table point of the part's polar coordinates."""
        turned = theta + self.angle
        return self.x + radius * float(np.cos(turned)), self.y + radius * float(np.sin(turned))


@dataclass(frozen=True)
class Surface:
    """The scene as the sensor would see it without noise.

    height: (S, S) mm above the table. albedo: (3, S, S) sRGB 0 to 1. gloss: (S, S) 0 to 1.
    part: (S, S) bool, the pixels of the part.
    """

    height: Floats
    albedo: Floats
    gloss: Floats
    part: NDArray[np.bool_]
    pose: PartPose


Builder = Callable[[Frame, np.random.Generator, np.random.Generator], Surface]
Defect = Callable[[Surface, Frame, np.random.Generator], Surface]


def draw_pose(
    rng: np.random.Generator, outer: float, spread: float, inner: float = 0.0
) -> PartPose:
    """A pose as a feeder leaves it: any rotation, a shift of some mm, a size within `spread`."""
    x, y = np.clip(rng.normal(0, 1.6, 2), -4, 4)
    angle = rng.uniform(0, 2 * np.pi)
    scale = 1 + np.clip(rng.normal(0, spread), -2 * spread, 2 * spread)
    return PartPose(float(x), float(y), float(angle), inner * float(scale), outer * float(scale))


def on_table(
    frame: Frame, rng: np.random.Generator, pose: PartPose, cover: Floats, body: tuple[Floats, ...]
) -> Surface:
    """Lay (height, albedo, gloss) on the matt table where `cover` (0 to 1) is above a half."""
    height, albedo, gloss = body
    part = cover > 0.5
    grain = 0.035 * noise(frame, rng, 1.0) + 0.05 * noise(frame, rng, 40.0)
    table = tinted(TABLE, 1 + grain)
    return Surface(
        height=np.where(part, height, 0).astype(np.float32),
        albedo=np.clip(mix(table, albedo, cover), 0.01, 0.98),
        gloss=np.where(part, gloss, 0.03).astype(np.float32),
        part=part,
        pose=pose,
    )
