"""A chocolate chip biscuit: its chips rise and are dark; browning and pores follow the relief."""

from dataclasses import dataclass

import numpy as np

from .frame import Floats, Frame
from .surface import PartPose, Surface, draw_pose, on_table
from .texture import Colour, along, closed_curve, mix, noise, ramp, tinted

PALE: Colour = (0.83, 0.66, 0.43)
GOLDEN: Colour = (0.74, 0.52, 0.29)
BROWN: Colour = (0.52, 0.32, 0.16)
PORE: Colour = (0.36, 0.21, 0.10)
CHOCOLATE: Colour = (0.21, 0.125, 0.085)


@dataclass(frozen=True)
class Chip:
    """One chip: table position, mean radius and rise in mm, and the outline's deviation."""

    x: float
    y: float
    radius: float
    rise: float
    outline: Floats


def build(frame: Frame, shape: np.random.Generator, texture: np.random.Generator) -> Surface:
    """A biscuit about 102 mm across and 12 mm high."""
    pose = draw_pose(shape, 51.0, 0.014)
    radius, theta = pose.local(frame)
    inside = pose.outer * (1 + along(closed_curve(shape, 0.009, range(2, 9)), theta)) - radius
    relief = _relief(frame, texture)
    height = _body(inside, shape) + relief * ramp(inside, 6.0)
    albedo = _crust(frame, inside, relief, shape, texture)
    height, albedo = _pores(frame, height, albedo, texture)
    gloss = np.full_like(height, 0.05)
    for chip in _scatter(pose, shape):
        _press(frame, chip, height, albedo, gloss)
    return on_table(frame, texture, pose, ramp(inside + 0.25, 0.5), (height, albedo, gloss))


def _relief(frame: Frame, rng: np.random.Generator) -> Floats:
    """Heights of a bumpy crust, mm: broad swells, crumbs and grain."""
    swell = 0.42 * noise(frame, rng, 13.0) + 0.30 * noise(frame, rng, 5.5)
    return swell + 0.16 * noise(frame, rng, 2.4) + 0.10 * noise(frame, rng, 1.1)


def _body(inside: Floats, rng: np.random.Generator) -> Floats:
    """Heights of the body, mm: a rounded rim that rises over 12 mm to a nearly flat top."""
    thickness = rng.normal(11.6, 0.35)
    low = 1 - np.clip(inside / 13.0, 0, 1)
    dome = np.clip(inside / 51.0, 0, 1) * rng.normal(0.9, 0.25)
    return np.asarray(thickness * (1 - 0.72 * low**2.6) + dome, dtype=np.float32)


def _crust(
    frame: Frame,
    inside: Floats,
    relief: Floats,
    shape: np.random.Generator,
    rng: np.random.Generator,
) -> Floats:
    """Colours of the crust: heights and the rim bake browner, and hollows stay pale."""
    rim = 1 - ramp(inside - 1.0, 13.0)
    bake = shape.normal(0.42, 0.05) + 0.34 * relief + 0.50 * rim + 0.07 * noise(frame, rng, 28.0)
    bake = np.clip(bake + 0.05 * noise(frame, rng, 0.9), 0, 1.15)
    base = tinted(PALE, np.ones_like(bake))
    golden = mix(base, GOLDEN, np.clip(2 * bake, 0, 1))
    return mix(golden, BROWN, np.clip(1.7 * bake - 0.85, 0, 1))


def _pores(
    frame: Frame, height: Floats, albedo: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Small dark pits where bubbles broke."""
    pit = ramp(noise(frame, rng, 1.7) + 0.4 * noise(frame, rng, 9.0) - 1.45, 1.7)
    return height - 1.1 * pit, mix(albedo, PORE, 0.8 * pit)


def _scatter(pose: PartPose, rng: np.random.Generator) -> list[Chip]:
    """Draw ten to fourteen chips, none over another and none at the rim."""
    wanted = int(rng.integers(10, 15))
    chips: list[Chip] = []
    for _ in range(400):
        if len(chips) == wanted:
            break
        x, y = pose.at((pose.outer - 9.0) * float(np.sqrt(rng.random())), rng.uniform(0, 2 * np.pi))
        radius = float(np.clip(rng.normal(4.3, 0.6), 3.0, 5.6))
        if all(np.hypot(x - c.x, y - c.y) > 1.7 * (radius + c.radius) for c in chips):
            outline = closed_curve(rng, 0.06, range(2, 5))
            chips.append(Chip(x, y, radius, float(rng.normal(2.0, 0.3)), outline))
    return chips


def _press(frame: Frame, chip: Chip, height: Floats, albedo: Floats, gloss: Floats) -> None:
    """Set one chip into the crust, in place."""
    cut = frame.window(chip.x, chip.y, 1.5 * chip.radius)
    dx, dy = frame.x[cut] - np.float32(chip.x), frame.y[cut] - np.float32(chip.y)
    q = np.hypot(dx, dy) / (chip.radius * (1 + along(chip.outline, np.arctan2(dy, dx))))
    cover = ramp(1.06 - q, 0.16)
    mound = np.clip(1 - q**3, 0, 1) ** 0.7 * np.float32(chip.rise)
    smooth = height[cut].mean() + 0.35 * (height[cut] - height[cut].mean())
    height[cut] += cover * (smooth - height[cut]) + mound - 0.35 * ramp(1.5 - q, 0.4) * (1 - cover)
    albedo[:, *cut] = mix(albedo[:, *cut], CHOCOLATE, 0.95 * cover)
    gloss[cut] += 0.22 * cover
