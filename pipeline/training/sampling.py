"""Which pixels each training step sees: drawn ahead for all steps, from one seed."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..dataset.grid import PATCHES
from ..features.pixels import patch_of


@dataclass(frozen=True)
class Batch:
    """Pixels of one step."""

    scan: np.ndarray  # (N,) int64 position of the scan
    pixel: np.ndarray  # (N,) int64 y * 224 + x


def generator(seed: int, *names: str) -> np.random.Generator:
    """A random generator of its own for every use, the same on every machine."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def scan_batches(
    scans: int, per_batch: int, steps: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield the scans of each step: epochs in random order, in which each scan comes once.

    With fewer scans than `per_batch` a step sees every scan, some more than once.
    """
    queue = np.zeros(0, dtype=np.int64)
    for _ in range(steps):
        while len(queue) < per_batch:
            queue = np.concatenate([queue, rng.permutation(scans)])
        yield queue[:per_batch]
        queue = queue[per_batch:]


def random_pixels(
    foreground: Sequence[np.ndarray], scans: int, pixels: int, steps: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Draw uniform foreground pixels with replacement, scans * pixels a step, as MGM trains on."""
    counts = np.array([len(f) for f in foreground])
    table = np.zeros((len(foreground), counts.max()), dtype=np.int64)
    for row, pixel in zip(table, foreground, strict=True):
        row[: len(pixel)] = pixel
    for chosen in scan_batches(len(foreground), scans, steps, rng):
        scan = np.repeat(chosen, pixels)
        yield Batch(scan, table[scan, (rng.random(len(scan)) * counts[scan]).astype(np.int64)])


def patch_pixels(
    foreground: Sequence[np.ndarray],
    scans: int,
    pixels: int,
    steps: int,
    rng: np.random.Generator,
    side: int = PATCHES,
) -> Iterator[Batch]:
    """Draw at most one pixel of each patch and scan, up to scans * pixels a step, as MFM needs.

    Neighbours in one patch share its token: as negatives of each other they would be false ones.
    A scan that a small data set repeats within a step appears once for the same reason.

    Args:
        side: patches along a side of the picture.
    """
    by_patch = [_by_patch(pixel, side) for pixel in foreground]
    for chosen in scan_batches(len(foreground), scans, steps, rng):
        scan_parts, pixel_parts = [], []
        for scan in np.unique(chosen):
            pixel, start, count = by_patch[scan]
            patches = rng.permutation(len(start))[:pixels]
            offset = (rng.random(len(patches)) * count[patches]).astype(np.int64)
            pixel_parts.append(pixel[start[patches] + offset])
            scan_parts.append(np.full(len(patches), scan))
        yield Batch(np.concatenate(scan_parts), np.concatenate(pixel_parts))


def _by_patch(pixel: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels sorted by patch, and for each patch that has any its first place and their number."""
    patch = patch_of(pixel, side)
    count = np.bincount(patch, minlength=side * side)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    used = count > 0
    return pixel[np.argsort(patch, kind="stable")], start[used], count[used]
