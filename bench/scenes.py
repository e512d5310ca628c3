"""Made-up scans, clouds, features and maps of any size, from fixed seeds."""

import numpy as np
from numpy.typing import NDArray

from mentor3ad.dataset.grid import PATCHES, SIZE
from mentor3ad.dataset.scan import RawScan
from mentor3ad.features.channels import POINT_CHANNELS, RGB_CHANNELS
from mentor3ad.features.interpolation import pixel_weights
from mentor3ad.features.store import ScanFeatures
from mentor3ad.params.schema import Features
from mentor3ad.preparation.prepare import PreparedScan

PITCH = 0.0007  # metres a pixel
DISTANCE = 0.5  # metres from the camera
SIDE = 123  # pixels of a part of about 15,000 foreground points, as the published code's users have


def cloud(points: int, seed: int = 0) -> NDArray[np.float32]:
    """(N, 3) metres: a wavy square sheet, in the row order of its pixels."""
    side = int(np.ceil(np.sqrt(points)))
    return surface(side, seed).reshape(-1, 3)[:points]


def surface(side: int, seed: int = 0) -> NDArray[np.float32]:
    """(side, side, 3) metres."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    z = DISTANCE + 0.004 * np.sin(x / 17 + seed) * np.cos(y / 23) + rng.normal(0, 1e-4, x.shape)
    xy = (np.stack([x, y], axis=-1) - (side - 1) / 2 + 0.25) * PITCH
    return np.concatenate([xy, z[..., None]], axis=-1).astype(np.float32)


def scan(seed: int = 0, side: int = SIDE) -> PreparedScan:
    """A square part of side x side foreground points in the middle of the image."""
    first = (SIZE - side) // 2
    points = np.zeros((SIZE, SIZE, 3), np.float32)
    points[first : first + side, first : first + side] = surface(side, seed)
    rgb = np.random.default_rng(seed).normal(size=(3, SIZE, SIZE)).astype(np.float32)
    return PreparedScan(rgb, points)


def raw(seed: int = 0, size: int = 400, side: int = 220) -> RawScan:
    """The same part as a sensor of size x size pixels gives it, without a table."""
    first = (size - side) // 2
    points = np.zeros((size, size, 3), np.float32)
    points[first : first + side, first : first + side] = surface(side, seed)
    image = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    return RawScan(image, points, None, part_only=True)


def features(options: Features, seed: int = 0, side: int = SIDE) -> ScanFeatures:
    """Features as extraction stores them: of random values, at the places of `scan`'s points."""
    rng = np.random.default_rng(seed)
    groups, first = options.points.groups, (SIZE - side) // 2
    foreground = np.zeros((SIZE, SIZE), bool)
    foreground[first : first + side, first : first + side] = True
    points = surface(side, seed).reshape(-1, 3)
    centres = points[rng.choice(len(points), groups, replace=len(points) < groups)]
    index, weight = pixel_weights(points, centres, foreground)
    return ScanFeatures(
        rng.normal(size=(PATCHES, PATCHES, RGB_CHANNELS)).astype(np.float16),
        foreground,
        options.points.pool,
        tokens=rng.normal(size=(groups, POINT_CHANNELS)).astype(np.float16),
        index=index,
        weight=weight,
    )


def maps_and_masks(scans: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, 224, 224) anomaly maps without ties and masks; every second scan has a defect."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((scans, SIZE, SIZE), bool)
    for i in range(1, scans, 2):
        y, x = rng.integers(40, 160, 2)
        masks[i, y : y + 20, x : x + 24] = True
    maps = rng.gamma(2.0, 1.0, masks.shape) + 2.0 * masks
    return maps.astype(np.float32), masks


def score_maps(scans: int, seed: int = 0, side: int = SIDE) -> list[NDArray[np.float32]]:
    """(3, 224, 224) score maps of each scan, 0 on the background."""
    rng, first = np.random.default_rng(seed), (SIZE - side) // 2
    inside = np.zeros((SIZE, SIZE), bool)
    inside[first : first + side, first : first + side] = True
    return [
        (rng.gamma(2.0, 0.1, (3, SIZE, SIZE)) * inside).astype(np.float32) for _ in range(scans)
    ]
