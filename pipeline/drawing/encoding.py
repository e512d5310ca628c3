"""Makes scans small for the report: WebP pictures, maps of 8 bits, clouds of 12-bit deltas.

A scan of 224 x 224 comes to about 11 kB, so that 1,200 of them fit a page of 25 MB in base64.
"""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..dataset.grid import SIZE, is_part, nearest_indices

HALF = SIZE // 2  # pixels a side of maps and masks
MAX_POINTS = 3000  # of a cloud; they are 3 mm apart on a part of 15 cm
MAX_STEP = 4095  # a side of a cloud's cube has 12 bits, so a step is 0.04 mm of 15 cm
QUALITY = 75  # of WebP


@dataclass(frozen=True)
class EncodedCloud:
    """A quantised point cloud, in the order of the pixels it was picked from.

    Attributes:
        grid: pixels a side of the square that the points were picked from, row-major.
        origin: the point of position (0, 0, 0), metres, camera frame.
        step: metres between neighbouring positions, on all axes.
        data: zlib of one bit a grid pixel (is there a point?), then six planes of one byte a point:
            low bytes of x, y, z, then high bytes. Each value is the zigzag of the difference from
            the point before; the first from 0.
    """

    grid: int
    origin: tuple[float, float, float]
    step: float
    data: bytes


def encode_picture(rgb: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3) or (H, W) uint8 as WebP."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue()


def encode_maps(maps: NDArray[np.floating], ranges: list[tuple[float, float]]) -> bytes:
    """Encode four maps (4, 224, 224) as a grey picture of 2 x 2 tiles, 224 pixels a side.

    A tile is its map at half size. Of each 2 x 2 pixels it keeps the largest, so that a peak stays.
    0 to 255 is the map's range, and values outside are clipped.
    """
    low, high = np.array(ranges).T[..., None, None]
    unit = np.clip((_blocks(maps).max(axis=(-3, -1)) - low) / (high - low), 0, 1)
    tiles = (unit * 255 + 0.5).astype(np.uint8).reshape(2, 2, HALF, HALF)
    return encode_picture(np.ascontiguousarray(tiles.swapaxes(1, 2).reshape(SIZE, SIZE)))


def encode_masks(*masks: NDArray[np.bool_]) -> bytes:
    """Encode masks (224, 224) at half size, as zlib of a bit for any of each 2 x 2 pixels."""
    halves = _blocks(np.stack(masks)).any(axis=(-3, -1))
    return zlib.compress(np.packbits(halves).tobytes(), 9)


def encode_cloud(points: NDArray[np.float32]) -> EncodedCloud:
    """Encode about `MAX_POINTS` points, or fewer, of a point map (224, 224, 3) in metres.

    (0, 0, 0) is no point. Points are picked on a square grid over the picture, never averaged.
    """
    count = int(is_part(points).sum())
    grid = max(1, min(HALF, math.floor(SIZE * math.sqrt(MAX_POINTS / max(count, 1)))))
    pixels = nearest_indices(SIZE, grid)
    picked = points[np.ix_(pixels, pixels)].astype(np.float64)
    there = is_part(picked)
    cloud = picked[there]
    if not len(cloud):
        return EncodedCloud(
            grid, (0.0, 0.0, 0.0), 1.0, zlib.compress(np.packbits(there).tobytes(), 9)
        )
    origin = cloud.min(axis=0)
    step = max(float((cloud - origin).max()) / MAX_STEP, 1e-9)
    steps = ((cloud - origin) / step + 0.5).astype(np.int32)
    x, y, z = origin.tolist()
    return EncodedCloud(grid, (x, y, z), step, _packed(there, steps))


def _packed(there: NDArray[np.bool_], steps: NDArray[np.int32]) -> bytes:
    change = np.diff(steps, axis=0, prepend=np.zeros((1, 3), np.int32))
    zigzag = ((change << 1) ^ (change >> 31)).astype("<u2").T  # (3, N)
    planes = np.stack([zigzag & 255, zigzag >> 8]).astype(np.uint8)
    return zlib.compress(np.packbits(there).tobytes() + planes.tobytes(), 9)


def _blocks(maps: NDArray[np.generic]) -> NDArray[np.generic]:
    """View (..., 224, 224) as its blocks of 2 x 2: (..., 112, 2, 112, 2)."""
    return maps.reshape(*maps.shape[:-2], HALF, 2, HALF, 2)
