"""Makes one scan from its seed: the scene, its defect and mask, and what the sensor sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes

from ..plumbing.errors import ConfigError
from .frame import Floats, Frame, look
from .parts import find_part
from .sensor import measure, photograph
from .surface import Defect, Surface

DEPTH_CHANGE_MM = 0.4  # a pixel is defective if its depth moved by more than this,
COLOUR_CHANGE = 0.06  # or a colour channel of its albedo by more than this (of 1)
STANDS_MM = 5.6  # the part's pixels that remain once the table (5 mm) is removed
SMALLEST_MASK = 60 / 400**2  # share of the image
ATTEMPTS = 12

SHAPE, TEXTURE, CAMERA, LIGHT, POINTS, DEFECT = range(6)  # random streams of one scan


@dataclass(frozen=True)
class DemoScan:
    """rgb: (S, S, 3) uint8. xyz: (S, S, 3) float32, metres in the camera frame, zero where the
    sensor had no return. gt: (S, S) uint8, the defect's class id, 0 where nothing is wrong."""

    rgb: NDArray[np.uint8]
    xyz: Floats
    gt: NDArray[np.uint8]


def scan_seed(seed: int, category: str, split: str, index: int) -> tuple[int, ...]:
    """The entropy of one scan. Names go through crc32, as Python's hash() differs between runs."""
    return seed, crc32(category.encode()), crc32(split.encode()), index


def render_scan(
    category: str, seed: Sequence[int], size: int, defect: str | None = None
) -> DemoScan:
    """Render the scan of a seed; with a defect it is the same part gone wrong.

    Every source of chance has its own stream, so the defect changes nothing but itself.
    Raises ConfigError for an unknown category or defect.
    """
    part = find_part(category)
    streams = [np.random.SeedSequence([*seed, use]) for use in range(DEFECT)]
    rng = [np.random.default_rng(stream) for stream in streams]
    frame = look(size, rng[CAMERA])
    surface = part.build(frame, rng[SHAPE], rng[TEXTURE])
    gt = np.zeros((size, size), np.uint8)
    if defect is not None:
        if defect not in part.defects:
            known = ", ".join(part.defects)
            raise ConfigError(
                f"unknown defect {defect!r} of demo category {category}; known: {known}"
            )
        surface, mask = _spoil(surface, frame, part.defects[defect], seed)
        gt[mask] = part.class_ids()[defect]
    rgb = photograph(surface, frame, rng[LIGHT])
    return DemoScan(rgb=rgb, xyz=measure(surface, frame, rng[POINTS]), gt=gt)


def _spoil(
    good: Surface, frame: Frame, defect: Defect, seed: Sequence[int]
) -> tuple[Surface, NDArray[np.bool_]]:
    """The surface with a defect, and the mask; a defect too small to see is drawn again."""
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng(np.random.SeedSequence([*seed, DEFECT, attempt]))
        bad = defect(good, frame, rng)
        mask = _changed(good, bad)
        if mask.sum() >= max(SMALLEST_MASK * frame.size**2, 1):
            break
    return bad, mask


def _changed(good: Surface, bad: Surface) -> NDArray[np.bool_]:
    """The pixels of the part that the defect changed, with pinholes closed."""
    depth = np.abs(bad.height - good.height) > DEPTH_CHANGE_MM
    colour = np.abs(bad.albedo - good.albedo).max(axis=0) > COLOUR_CHANGE
    whole = binary_fill_holes(binary_closing(depth | colour, np.ones((3, 3))))
    return np.asarray(whole & good.part & (np.minimum(good.height, bad.height) > STANDS_MM))
