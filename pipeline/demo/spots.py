"""Where a defect sits: windows on the part, and the outlines and courses within them."""

from dataclasses import dataclass, replace

import numpy as np

from .frame import Floats, Frame, Reals
from .surface import Surface
from .texture import Colour, along, closed_curve, mix

POINTS = 64  # along a crack; they are closer together than it is wide
FLOOR_MM = 6.3  # no defect cuts deeper: what is left still stands clear of the table


@dataclass(frozen=True)
class Spot:
    """A place on the part: a table point, the window around it, and coordinates from it in mm."""

    x: float
    y: float
    cut: tuple[slice, slice]
    dx: Floats
    dy: Floats


def find_spot(
    surface: Surface, frame: Frame, rng: np.random.Generator, reach: float, margin: float
) -> Spot:
    """Draw a place at least `margin` mm within the rims and not over an opening."""
    pose = surface.pose
    low, high = (pose.inner + margin * (pose.inner > 0)) ** 2, (pose.outer - margin) ** 2
    for _ in range(100):
        x, y = pose.at(float(np.sqrt(rng.uniform(low, high))), rng.uniform(0, 2 * np.pi))
        if surface.height[frame.pixel(x, y)] > FLOOR_MM:
            break
    return spot_at(frame, x, y, reach)


def spot_at(frame: Frame, x: float, y: float, reach: float) -> Spot:
    """The window within `reach` mm of a table point."""
    cut = frame.window(x, y, reach)
    return Spot(x, y, cut, frame.x[cut] - np.float32(x), frame.y[cut] - np.float32(y))


def alter(
    surface: Surface, spot: Spot, rise: Reals, colour: Colour | Floats, weight: Floats
) -> Surface:
    """Add `rise` (mm) and blend the colour in, on the part only and never below the floor."""
    part = surface.part[spot.cut]
    height, albedo = surface.height.copy(), surface.albedo.copy()
    old = height[spot.cut]
    height[spot.cut] = np.where(part, np.maximum(old + rise, np.minimum(old, FLOOR_MM)), old)
    albedo[:, *spot.cut] = mix(albedo[:, *spot.cut], colour, weight * part)
    return replace(surface, height=height, albedo=albedo)


def blob(spot: Spot, rng: np.random.Generator, radius: float, ragged: float) -> Floats:
    """Relative radius (1 on the outline) of an irregular ellipse around the spot."""
    turn, squeeze = rng.uniform(0, np.pi), rng.uniform(0.72, 1.0)
    along_axis = spot.dx * np.cos(turn) + spot.dy * np.sin(turn)
    aside = (spot.dy * np.cos(turn) - spot.dx * np.sin(turn)) / np.float32(squeeze)
    outline = closed_curve(rng, ragged, range(2, 7))
    reach = radius * (1 + along(outline, np.arctan2(aside, along_axis)))
    return np.asarray(np.hypot(along_axis, aside) / reach, dtype=np.float32)


def course(rng: np.random.Generator, length: float, wander: float) -> Floats:
    """A crack's course (POINTS, 2) in mm around the origin: a walk whose heading drifts."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, wander, POINTS))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * (length / POINTS)
    walk = np.cumsum(steps, axis=0)
    return np.asarray(walk - walk.mean(axis=0), dtype=np.float32)


def across(spot: Spot, line: Floats, taper: bool) -> Floats:
    """The distance (mm) to a line of points; it is stretched towards the ends, which taper off."""
    miss: Floats = np.hypot(
        spot.dx[..., None] - line[:, 0], spot.dy[..., None] - line[:, 1]
    )  # (h, w, POINTS)
    wide = 1 - 0.75 * np.abs(np.linspace(-1, 1, len(line))) ** 3 if taper else np.ones(POINTS)
    return np.asarray((miss / wide).min(axis=-1), dtype=np.float32)
