"""What may go wrong with a part: changes of its geometry, of its colour, and of both."""

from dataclasses import replace

import numpy as np

from .frame import Floats, Frame
from .spots import Spot, across, alter, blob, course, find_spot, spot_at
from .surface import Defect, Surface
from .texture import Colour, noise, ramp, tinted

Span = tuple[float, float]  # uniform range, mm


def _soft(q: Floats) -> Floats:
    return np.clip(1 - q**2, 0, 1) ** 1.5


def _steep(q: Floats) -> Floats:
    return ramp(1 - q, 0.4)


def swell(rise: Span, radius: Span) -> Defect:
    """Change the geometry alone: a bump where the rise is positive, else a dent."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        size = rng.uniform(*radius)
        spot = find_spot(surface, frame, rng, 1.5 * size, size + 2.5)
        q = blob(spot, rng, size, 0.05)
        profile = _soft if rng.random() < 0.6 else _steep
        lift = profile(q) * np.float32(rng.uniform(*rise))
        return alter(surface, spot, lift, (0, 0, 0), np.zeros_like(q))

    return defect


def stain(colours: tuple[Colour, ...], radius: Span, strength: Span, gloss: float = 0.0) -> Defect:
    """Change the colour alone: an irregular patch, with `gloss` added where it is wet."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        size = rng.uniform(*radius)
        spot = find_spot(surface, frame, rng, 1.8 * size, size + 1.0)
        edge = 0.14 * noise(frame, rng, 4.0)[spot.cut] + 0.07 * noise(frame, rng, 1.5)[spot.cut]
        weight = ramp(1.1 - blob(spot, rng, size, 0.05) + edge, rng.uniform(0.3, 0.6))
        colour = colours[int(rng.integers(len(colours)))]
        stained = alter(surface, spot, 0 * weight, colour, weight * rng.uniform(*strength))
        wet = surface.gloss.copy()
        wet[spot.cut] += gloss * weight * surface.part[spot.cut]
        return replace(stained, gloss=wet)

    return defect


def cleft(
    depth: Span, width: Span, length: Span, colours: tuple[Colour, Colour], wander: float
) -> Defect:
    """Change both: a crack or cut of half-width `width`, whose bottom and lip have colours."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        line = course(rng, rng.uniform(*length), wander)
        # a line narrower than a pixel would vanish at low resolution
        half = max(rng.uniform(*width), 0.8 * frame.pitch)
        spot = find_spot(surface, frame, rng, float(np.abs(line).max()) + 2 * half, 16.0)
        ragged = 1 + 0.18 * noise(frame, rng, 2.0)[spot.cut]
        q = np.float32(1 / half) * across(spot, line, taper=True) * ragged
        bottom, lip = ramp(1.05 - q, 0.7), ramp(1.5 - q, 0.5)
        drop = np.clip(1.1 - q, 0, 1) ** 0.6 * np.float32(-rng.uniform(*depth))
        opened = alter(surface, spot, drop, colours[1], 0.55 * lip)
        return alter(opened, spot, 0 * drop, colours[0], 0.85 * bottom)

    return defect


def _shard(spot: Spot, rng: np.random.Generator, radius: float) -> Floats:
    """Relative radius of a convex polygon of four to six sides."""
    sides = int(rng.integers(4, 7))
    angle = (np.arange(sides) + rng.uniform(-0.3, 0.3, sides)) * 2 * np.pi / sides
    angle += rng.uniform(0, 2 * np.pi)
    reach = radius * rng.uniform(0.6, 1.0, sides)
    facing = spot.dx[..., None] * np.cos(angle) + spot.dy[..., None] * np.sin(angle)
    return np.asarray((facing / reach).max(axis=-1), dtype=np.float32)


def _rod(spot: Spot, rng: np.random.Generator, radius: float) -> Floats:
    """Relative radius of a slightly bent rod, five to eight times as long as it is thick."""
    line = course(rng, radius * 3.4, 0.03)
    return across(spot, line, taper=False) / np.float32(0.36 * radius)


def _resting_plane(surface: Surface, spot: Spot, under: Floats) -> Floats:
    """The plane (mm) that a rigid object rests on, fitted to the surface under it and lifted."""
    local = surface.height[spot.cut]
    inside = (under < 1) & surface.part[spot.cut]
    terms = np.stack([np.ones_like(spot.dx), spot.dx, spot.dy], axis=-1)
    fit = np.linalg.lstsq(terms[inside], local[inside], rcond=None)[0]
    plane = terms @ fit
    clearance = np.percentile(local[inside] - plane[inside], 90) if inside.any() else 0.0
    return np.asarray(plane + clearance, dtype=np.float32)


def foreign_object(
    colours: tuple[Colour, ...], rods: tuple[Colour, ...], thickness: Span, gloss: float
) -> Defect:
    """Change both: a shard or a rod of another colour lies on the part."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        is_rod = rng.random() < 0.4
        size, palette = rng.uniform(4.5, 8.0), rods if is_rod else colours
        spot = find_spot(surface, frame, rng, 2.2 * size, size + 5.0)
        q = _rod(spot, rng, size) if is_rod else _shard(spot, rng, size)
        profile = np.sqrt(np.clip(1.02 - q**2, 0, 1)) if is_rod else np.clip((1 - q) * 6, 0, 1)
        cover = ramp(1 - q, 0.12)
        top = _resting_plane(surface, spot, q) + profile * np.float32(rng.uniform(*thickness))
        rise = np.where(q < 1, np.maximum(top - surface.height[spot.cut], 0), 0)
        colour = palette[int(rng.integers(len(palette)))]
        tint = tinted(colour, 1 + 0.06 * noise(frame, rng, 2.0)[spot.cut])
        placed = alter(surface, spot, rise.astype(np.float32), tint, cover)
        sheen = surface.gloss.copy()
        sheen[spot.cut] += (gloss - sheen[spot.cut]) * cover * surface.part[spot.cut]
        return replace(placed, gloss=sheen)

    return defect


def fluff(colour: Colour, rise: Span, radius: Span) -> Defect:
    """Change both: a colony of mould, patchy in cover and in height."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        size = rng.uniform(*radius)
        spot = find_spot(surface, frame, rng, 1.6 * size, size + 4.0)
        tuft = noise(frame, rng, 1.6)[spot.cut]
        cover = ramp(1.1 - blob(spot, rng, size, 0.12) + 0.10 * tuft, 0.5)
        lift = cover * (1 + 0.25 * tuft) * np.float32(rng.uniform(*rise))
        tone = tinted(colour, 1 + 0.12 * tuft)
        return alter(surface, spot, lift, tone, 0.9 * cover)

    return defect


def chipped_rim(depth: Span, radius: Span, colour: Colour) -> Defect:
    """Change both: a piece has broken off the rim, and a rough inside of other colour shows."""

    def defect(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
        pose, size = surface.pose, rng.uniform(*radius)
        x, y = pose.at(pose.outer - rng.uniform(0.1, 0.45) * size, rng.uniform(0, 2 * np.pi))
        spot = spot_at(frame, x, y, 1.5 * size)
        crumb = noise(frame, rng, 1.8)[spot.cut]
        lost = ramp(1 - blob(spot, rng, size, 0.08) + 0.05 * crumb, 0.22)
        fall = lost * (0.45 * crumb - np.float32(rng.uniform(*depth)))
        tone = tinted(colour, 1 + 0.06 * crumb)
        return alter(surface, spot, fall, tone, 0.85 * lost)

    return defect
