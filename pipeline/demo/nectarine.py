"""Half a nectarine, face down: soft and irregular, its blush on the side that grew fuller."""

import numpy as np

from .frame import Floats, Frame
from .surface import Surface, draw_pose, on_table
from .texture import Colour, along, closed_curve, mix, noise, ramp, tinted

YELLOW: Colour = (0.88, 0.66, 0.30)
ORANGE: Colour = (0.83, 0.44, 0.20)
RED: Colour = (0.58, 0.15, 0.13)
STEM: Colour = (0.50, 0.36, 0.18)
LENTICEL: Colour = (0.93, 0.76, 0.50)


def build(frame: Frame, shape: np.random.Generator, texture: np.random.Generator) -> Surface:
    """A fruit about 94 mm across and 34 mm high, the suture along its own x axis."""
    pose = draw_pose(shape, 47.2, 0.014)
    radius, theta = pose.local(frame)
    edge = pose.outer * (1 + along(closed_curve(shape, 0.011, range(2, 6)), theta))
    full = shape.normal(1.0, 0.12)  # how much fuller, and redder, the sunny side is
    sun = np.cos(theta - np.float32(np.pi / 2 + shape.normal(0, 0.15))) * radius / edge
    lumps = noise(frame, texture, 26.0)
    suture, stem = _suture(radius, theta, edge, shape)
    height = _dome(radius / edge, shape) + 1.7 * full * sun + 0.55 * lumps
    height = height - 1.5 * suture - 5.0 * stem + 0.05 * noise(frame, texture, 1.6)
    blush = 0.50 + 0.42 * full * sun + 0.13 * lumps - 0.22 * suture - 0.4 * stem
    albedo = _skin(frame, blush, texture)
    albedo = mix(albedo, STEM, 0.7 * ramp(stem - 0.45, 0.5))
    gloss = np.clip(0.20 + 0.02 * noise(frame, texture, 5.0) - 0.1 * stem, 0, 1)
    return on_table(frame, texture, pose, ramp(edge - radius + 0.25, 0.5), (height, albedo, gloss))


def _dome(q: Floats, rng: np.random.Generator) -> Floats:
    """The height at the relative radius q of a flattened half ball with a steep flank."""
    top = rng.normal(25.0, 0.8)
    return np.asarray(8.5 + top * np.sqrt(np.clip(1 - q**2.2, 0, 1)), dtype=np.float32)


def _suture(
    radius: Floats, theta: Floats, edge: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Weights (0 to 1) of the depth of the seam from stem to rim, and of the stem's hollow."""
    x, y = radius * np.cos(theta), radius * np.sin(theta)
    bend, stem_x = rng.normal(0, 0.0012), rng.normal(-17.0, 1.2)
    across = y - np.float32(bend) * x**2
    seam = np.exp(-((across / 2.6) ** 2)) * ramp(x - stem_x, 12.0) * ramp(edge - radius, 14.0)
    hollow = np.exp(-(((x - stem_x) ** 2 + (1.15 * y) ** 2) / 6.0**2))
    return np.asarray(seam, dtype=np.float32), np.asarray(hollow, dtype=np.float32)


def _skin(frame: Frame, blush: Floats, rng: np.random.Generator) -> Floats:
    """The skin's colours: yellow to red by the blush, with streaks, mottling and pale lenticels."""
    mottle = 0.07 * noise(frame, rng, 4.0) + 0.06 * noise(frame, rng, 1.5)
    tone = np.clip(blush + mottle + 0.03 * noise(frame, rng, 0.8), 0, 1)
    base = tinted(YELLOW, np.ones_like(tone))
    warm = mix(base, ORANGE, ramp(tone, 0.5))
    ripe = mix(warm, RED, ramp(tone - 0.38, 0.5))
    dots = ramp(noise(frame, rng, 1.3) - 2.0, 0.8)
    ripe = ripe * (1 + 0.05 * noise(frame, rng, 2.5))
    return mix(ripe, LENTICEL, 0.35 * dots * np.clip(tone * 1.4, 0, 1))
