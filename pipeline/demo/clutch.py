"""A clutch disc: a steel ring with bolt holes and twelve riveted friction linings around it."""

import numpy as np

from .frame import LAMP_TURN, Floats, Frame
from .surface import PartPose, Surface, draw_pose, on_table
from .texture import Colour, mix, noise, ramp, tinted

LININGS = 12
HOLES = 6
PLATE_MM, LINING_MM, HUB_MM = 8.6, 3.4, 4.2  # height of the plate; rise of linings and hub over it
OUTER, BAND, HUB, INNER = 54.0, 35.5, 25.0, 20.0  # radii, mm
HOLE_AT, HOLE = 30.4, 3.1
RIVET_AT, RIVET = 45.0, 3.0

STEEL: Colour = (0.56, 0.57, 0.58)
FRICTION: Colour = (0.33, 0.285, 0.235)
BRASS: Colour = (0.72, 0.58, 0.33)
ADHESIVE: Colour = (0.44, 0.40, 0.33)


def build(frame: Frame, shape: np.random.Generator, texture: np.random.Generator) -> Surface:
    """A disc 108 mm across; the linings stand 12 mm above the table."""
    pose = draw_pose(shape, OUTER, 0.006, INNER)
    radius, theta = pose.local(frame)
    radius = radius * np.float32(OUTER / pose.outer)
    lining = _lining(radius, theta, float(shape.normal(1.5, 0.08)))
    hub = ramp(HUB - radius + 0.5, 1.0)
    fine = noise(frame, texture, 1.0)
    height, albedo, gloss = _plate(frame, radius, theta + pose.angle, shape, texture)
    rise = LINING_MM + float(shape.normal(0, 0.12)) + 0.05 * fine
    height = height + lining * rise + hub * HUB_MM
    albedo = mix(albedo, _friction(frame, fine, shape, texture), ramp(lining - 0.3, 0.4))
    gloss = gloss * (1 - lining) + 0.06 * lining
    height, albedo, gloss = _rivets(radius, theta, (height, albedo, gloss))
    cover, chamfer = _openings(radius, theta)
    return on_table(frame, texture, pose, cover, (height - chamfer, albedo, gloss))


def _sector(theta: Floats, count: int, shift: float = 0.5) -> Floats:
    """Angle from the middle of the nearest of `count` equal sectors."""
    turn = theta * np.float32(count / (2 * np.pi)) + np.float32(shift)
    return np.asarray((turn - np.floor(turn) - 0.5) * (2 * np.pi / count), dtype=np.float32)


def _lining(radius: Floats, theta: Floats, gap: float) -> Floats:
    """Cover, 0 to 1, of the friction segments; the grooves between them are 2 x `gap` mm wide."""
    side = radius * (np.pi / LININGS - np.abs(_sector(theta, LININGS))) - gap
    across = np.minimum(radius - BAND, OUTER - 0.7 - radius)
    return ramp(np.minimum(side, across) + 0.2, 0.9)


def _spots(radius: Floats, theta: Floats, at: float, count: int, shift: float) -> Floats:
    """The distance, mm, to the nearest of `count` points on the circle of radius `at`."""
    angle = _sector(theta, count, shift)
    return np.hypot(radius * np.cos(angle) - at, radius * np.sin(angle))


def _plate(
    frame: Frame,
    radius: Floats,
    bearing: Floats,
    shape: np.random.Generator,
    rng: np.random.Generator,
) -> tuple[Floats, Floats, Floats]:
    """Turned steel, with faint concentric tool marks in height and in brightness.

    Marks that are too fine for the normals reflect as a bow tie, which stays with the lamp and does
    not turn with the part.
    """
    marks = np.sin(radius * np.float32(2 * np.pi / 2.1) + shape.uniform(0, 6))
    patina = noise(frame, rng, 18.0)
    bow = 0.13 * np.cos(2 * (bearing - np.float32(LAMP_TURN))) + 0.05 * np.cos(4 * bearing)
    tone = 0.95 + bow + 0.025 * marks + 0.02 * patina + 0.025 * noise(frame, rng, 0.8)
    albedo = tinted(STEEL, tone * np.float32(shape.normal(1, 0.025)))
    height = np.float32(PLATE_MM + shape.normal(0, 0.08)) + 0.035 * marks
    return height, albedo, np.clip(0.42 + 0.04 * patina, 0, 1)


def _friction(
    frame: Frame, fine: Floats, shape: np.random.Generator, rng: np.random.Generator
) -> Floats:
    """Pressed fibre compound: grain that follows the relief, and brass flecks."""
    tone = 1 + 0.07 * fine + 0.04 * noise(frame, rng, 7.0) + np.float32(shape.normal(0, 0.03))
    base = tinted(FRICTION, tone)
    flecks = ramp(noise(frame, rng, 0.9) - 2.0, 0.7)
    return mix(base, BRASS, 0.55 * flecks)


def _rivets(
    radius: Floats, theta: Floats, body: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """One sunk brass rivet in each lining."""
    height, albedo, gloss = body
    miss = _spots(radius, theta, RIVET_AT, LININGS, 0.5)
    recess = ramp(RIVET + 0.3 - miss, 0.6)
    head = ramp(RIVET - 0.7 - miss, 0.5)
    bore = ramp(0.9 - miss, 0.5)
    height = height - 2.3 * recess + 0.9 * head - 0.6 * bore
    albedo = mix(mix(albedo, (0.16, 0.14, 0.12), 0.8 * recess), BRASS, head - 0.7 * bore)
    return height, albedo, np.clip(gloss + 0.35 * head, 0, 1)


def _openings(radius: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """The cover (0 to 1), and the depth (mm) that the chamfers of rim, bore and holes take off."""
    hole = _spots(radius, theta, HOLE_AT, HOLES, 0.5)
    inside = np.minimum(np.minimum(OUTER - radius, radius - INNER), hole - HOLE)
    chamfer = np.clip(1.1 - inside, 0, 1.1) * 0.9
    return ramp(inside + 0.25, 0.5), np.asarray(chamfer, dtype=np.float32)


def break_lining(surface: Surface, frame: Frame, rng: np.random.Generator) -> Surface:
    """Break off one lining, or a part of it, down to the plate; some of the adhesive stays."""
    pose = surface.pose
    scale = np.float32(OUTER / pose.outer)
    radius, theta = pose.local(frame)
    radius = radius * scale
    which = 2 * np.pi / LININGS * int(rng.integers(LININGS))
    own = np.cos(theta - np.float32(which)) > np.cos(np.pi / LININGS)
    lost = own * _lining(radius, theta, 1.3) * _fragment(pose, radius, theta - which, frame, rng)
    floor = np.minimum(surface.height, PLATE_MM + 0.25 * noise(frame, rng, 2.0))
    bare = tinted(STEEL, np.full_like(radius, 0.9))
    bare = mix(bare, ADHESIVE, ramp(noise(frame, rng, 4.0) + 0.5, 1.0))
    return Surface(
        height=surface.height + lost * (floor - surface.height),
        albedo=mix(surface.albedo, bare, lost),
        gloss=surface.gloss + 0.1 * lost,
        part=surface.part,
        pose=pose,
    )


def _fragment(
    pose: PartPose, radius: Floats, theta: Floats, frame: Frame, rng: np.random.Generator
) -> Floats:
    """The part of the lining that came off, on one side of a ragged line across it."""
    lean, cut = rng.uniform(0, 2 * np.pi), rng.uniform(-12.0, 3.0)
    tangential, radial = radius * np.sin(theta), radius * np.cos(theta) - RIVET_AT
    line = tangential * np.cos(lean) + radial * np.sin(lean) + 0.7 * noise(frame, rng, 3.0)
    return ramp(line - np.float32(cut), 0.8)
