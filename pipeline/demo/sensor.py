"""The structured-light sensor: an image under a lamp, and points with noise and dropouts."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from .frame import LAMP_TURN, Floats, Frame
from .surface import Surface
from .texture import noise, ramp

LAMP_RISE = float(np.radians(52.0))  # above the table
PROJECTOR_TURN, PROJECTOR_SLOPE = np.radians(8.0), 3.2  # stands to the right, 73 degrees high
PART_NOISE_MM, TABLE_NOISE_MM = 0.06, 0.22


def _shaded(height: Floats, frame: Frame, turn: float, slope: float, steps: int) -> Floats:
    """How far (mm) each pixel lies under the shadow of a light at `turn`, rising by `slope`.

    It is found by a march over the heights towards the light, and negative where a pixel is lit.
    """
    reach = float(height.max()) / slope / frame.pitch  # pixels that the longest shadow spans
    dark = np.full_like(height, -100.0)
    for step in np.unique(np.linspace(1, max(reach, 1), steps).round()):
        shift = (-round(step * np.sin(turn)), -round(step * np.cos(turn)))
        fall = float(np.hypot(*shift)) * frame.pitch * slope
        np.maximum(dark, np.roll(height, shift, (0, 1)) - fall, out=dark)
    return dark - height


def photograph(surface: Surface, frame: Frame, rng: np.random.Generator) -> NDArray[np.uint8]:
    """RGB (S, S, 3) under one soft lamp and sky light; exposure and white vary a little."""
    diffuse, sky, gleam = _lighting(surface, frame, rng)
    exposure = (1 + rng.normal(0, 0.02)) * (1 + rng.normal(0, 0.006, 3)).astype(np.float32)
    warm, cool = np.array([1.03, 1.0, 0.95], np.float32), np.array([0.96, 1.0, 1.06], np.float32)
    light = diffuse * (0.86 * warm)[:, None, None] + sky * (0.42 * cool)[:, None, None]
    linear = (surface.albedo**2 * light + gleam) * exposure.astype(np.float32)[:, None, None]
    image = np.sqrt(np.clip(linear, 0, 1)) * 255  # gamma 2; (3, S, S)
    image = gaussian_filter(image, (0, 0.55, 0.55))  # the lens
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    pixels = np.clip(np.rint(image + 1.1 * grain), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def _lighting(
    surface: Surface, frame: Frame, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """The lamp's light, the sky's light and the reflection, each (S, S), from the normals."""
    height = surface.height
    turn, rise = LAMP_TURN + rng.normal(0, 0.05), LAMP_RISE + rng.normal(0, 0.02)
    flat, up = float(np.cos(rise)), float(np.sin(rise))
    lamp = (flat * float(np.cos(turn)), flat * float(np.sin(turn)), up)
    down, right = np.gradient(height, np.float32(frame.pitch))
    upright = 1 / np.sqrt(1 + down**2 + right**2)  # normal = (-right, -down, 1) * upright
    facing = (lamp[2] - right * lamp[0] - down * lamp[1]) * upright
    shadow = ramp(_shaded(height, frame, turn, up / flat, 22) + 0.3, 1.6)
    shadow = gaussian_filter(shadow, 1.2 / frame.pitch)
    # the lamp is wide, so that shadows begin softly; a level surface has 1
    diffuse = np.clip(facing + 0.12, 0, None) / (up + 0.12) * (1 - 0.8 * shadow)
    hollow = sum(
        gaussian_filter(height, mm / frame.pitch, truncate=2.5) - height for mm in (1.5, 5)
    )
    sky = (0.6 + 0.4 * upright) * np.clip(1 - 0.09 * hollow, 0.25, 1.15)
    half = np.array([lamp[0], lamp[1], up + 1]) / np.sqrt(2 + 2 * up)
    mirror = np.clip((half[2] - right * half[0] - down * half[1]) * upright, 0, 1)
    gleam = surface.gloss * (0.45 * mirror**28 + 0.10 * mirror**6) * (1 - 0.9 * shadow)
    return diffuse, sky, gleam.astype(np.float32)


def measure(surface: Surface, frame: Frame, rng: np.random.Generator) -> Floats:
    """Organised points (S, S, 3), metres in the camera frame; (0, 0, 0) where nothing returned."""
    ripple = 0.6 * noise(frame, rng, 3.0)  # neighbouring pixels share projector stripes
    grain = ripple + 0.8 * rng.standard_normal(ripple.shape, dtype=np.float32)
    waves = 0.8 * noise(frame, rng, 22.0)
    level = np.where(surface.part, PART_NOISE_MM * grain, TABLE_NOISE_MM * (grain + waves))
    points = frame.points(surface.height + level.astype(np.float32))
    points[_lost(surface, frame, rng)] = 0
    return points


def _lost(surface: Surface, frame: Frame, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Pixels without a return: in the projector's shadow, on edges, speckle, patches of table."""
    height = surface.height
    hidden = _shaded(height, frame, PROJECTOR_TURN, PROJECTOR_SLOPE, 12) > 0.8
    jump = maximum_filter(height, 3) - minimum_filter(height, 3)
    edge = 0.45 * ramp(jump - 2.5 * np.float32(frame.pitch) - 0.8, 3.0)
    dark = 0.012 * ramp(0.20 - surface.albedo.mean(axis=0), 0.1)
    chance = 0.0012 + edge + dark + 0.03 * ramp(surface.gloss - 0.5, 0.4)
    patches = (noise(frame, rng, 4.0) > 2.9) & ~surface.part
    return hidden | patches | (rng.random(height.shape, dtype=np.float32) < chance)
