"""Features at pixel level: 3-NN interpolation of group tokens, bilinear upsampling of patches.

A map of F_XYZ is kept as two small factors: the tokens (G, C) and, for each pixel, the three
nearest centres with their weights. Every function here is linear in the tokens.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..dataset.grid import PATCHES, SIZE

EPS = 1e-8  # keeps the inverse distance finite at a centre


def nearest_centres(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The three nearest centres of each point and their inverse-squared-distance weights.

    Args:
        points: (P, 3) float32; centres: (G, 3) float32, G >= 3, same unit.

    Returns:
        index (P, 3) int32 and weight (P, 3) float64 summing to 1. Distances are of coordinate
        differences in float64: |a|^2 + |b|^2 - 2ab loses the answer in float32 at z = 0.5 m.

    Source: PointNet++ `three_interpolate`; CFM `interpolating_points`.
    """
    from scipy.spatial import cKDTree  # slow to import, and scoring needs no tree

    distance, index = cKDTree(centres.astype(np.float64)).query(points.astype(np.float64), k=3)
    weight = 1.0 / (np.square(distance) + EPS)
    weight /= weight.sum(axis=1, keepdims=True)
    return index.astype(np.int32), weight


def pixel_weights(
    points: np.ndarray, centres: np.ndarray, foreground: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Index and weight images of one scan.

    Args:
        points: (P, 3) of the foreground pixels in row order; foreground: (224, 224) bool, P true.

    Returns:
        index (224, 224, 3) uint16, weight (224, 224, 3) float16; both zero on the background.
    """
    index = np.zeros((SIZE, SIZE, 3), dtype=np.uint16)
    weight = np.zeros((SIZE, SIZE, 3), dtype=np.float16)
    index[foreground], weight[foreground] = nearest_centres(points, centres)
    return index, weight


def points_map(tokens: torch.Tensor, index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Dense F_XYZ before the 3x3 mean: (224, 224, C) of tokens (G, C); zero where weights are."""
    flat = (tokens[index.reshape(-1, 3).long()] * weight.reshape(-1, 3, 1)).sum(dim=1)
    return flat.reshape(*index.shape[:2], -1)  # (224, 224, C)


def pool_matrix(size: int = SIZE) -> np.ndarray:
    """One axis of the reference's 3x3 mean: (size, size) float64, rows sum to 1.

    An unpadded 3-mean to size - 2, then adaptive average back to size: output i averages pooled
    rows floor((size-2) i / size) to ceil((size-2)(i+1) / size) - 1.

    Source: CFM `AvgPool2d(3, stride=1)` and `AdaptiveAvgPool2d`; at most four source rows a pixel.
    """
    matrix = np.zeros((size, size))
    inner = size - 2
    for i in range(size):
        rows = range(inner * i // size, -(-inner * (i + 1) // size))
        for row in rows:
            matrix[i, row : row + 3] += 1 / (3 * len(rows))
    return matrix


def pool_map(dense: torch.Tensor) -> torch.Tensor:
    """The reference's 3x3 mean of a map (H, W, C), with both axes' border rule."""
    matrix = _pool_operator(dense.shape[0], dense.dtype, dense.device)
    rows = torch.einsum("ij,jwc->iwc", matrix, dense)
    return torch.einsum("ij,hjc->hic", matrix, rows)


@cache
def _pool_operator(size: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """`pool_matrix` on a device, copied there once: such a copy waits for all that is queued."""
    with torch.inference_mode(False):  # a later caller may be outside of it
        return torch.as_tensor(pool_matrix(size), dtype=dtype, device=device)


def pool_taps() -> tuple[np.ndarray, np.ndarray]:
    """`pool_matrix` as four taps a row: first source row (224,) and weights (224, 4)."""
    matrix = pool_matrix()
    first = np.minimum((matrix > 0).argmax(axis=1), SIZE - 4)
    return first, np.take_along_axis(matrix, first[:, None] + np.arange(4), axis=1)


def bilinear_taps(size: int = SIZE, patches: int = PATCHES) -> tuple[np.ndarray, np.ndarray]:
    """One axis of bilinear upsampling: lower patch (size,) and weight of the next one (size,).

    Half-pixel centres (align_corners off), edges clamped (design 4).
    """
    centre = np.clip((np.arange(size) + 0.5) * patches / size - 0.5, 0, patches - 1)
    lower = np.minimum(centre.astype(np.int64), patches - 2)
    return lower, centre - lower


def bilinear_cells(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The four cells of a grid around every pixel, and their bilinear weights.

    Weights are products of one axis's: (1 - v, v) down and (1 - u, u) across.

    Args:
        side: cells along a side of the grid.

    Returns:
        index (50176, 4) int64, row by row of the grid, and weight (50176, 4) float32.
    """
    lower, upper_weight = bilinear_taps(SIZE, side)
    corners, weights = [], []
    for dy in range(2):
        for dx in range(2):
            corners.append((lower + dy)[:, None] * side + (lower + dx))
            wy = upper_weight if dy else 1 - upper_weight
            wx = upper_weight if dx else 1 - upper_weight
            weights.append(wy[:, None] * wx)
    index = np.stack(corners, axis=-1).reshape(-1, 4)
    return index, np.stack(weights, axis=-1).reshape(-1, 4).astype(np.float32)


def grid_map(cells: Tensor, foreground: np.ndarray) -> Tensor:
    """The map (224, 224, C) float32 of a grid (G, G, C); zero outside the foreground (224, 224)."""
    index, weight = bilinear_cells(cells.shape[0])
    pixels = np.flatnonzero(foreground)
    places, weights = (torch.from_numpy(a[pixels]).to(cells.device) for a in (index, weight))
    rows = cells.reshape(-1, cells.shape[-1]).float()[places]
    dense = rows.new_zeros(SIZE * SIZE, rows.shape[-1])
    dense[torch.from_numpy(pixels).to(cells.device)] = (rows * weights[..., None]).sum(1)
    return dense.view(SIZE, SIZE, -1)


def fill_background_patches(features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Extend foreground patch features outward by one patch: the mean of their known neighbours.

    The bilinear map of a foreground pixel near the outline reads patches that hold no foreground;
    this clamps at the part's edge as bilinear sampling clamps at the image's.

    Args:
        features: (28, 28, C), zero where not known; known: (28, 28) bool.
    """
    padded = np.pad(features, ((1, 1), (1, 1), (0, 0)))
    mask = np.pad(known, 1).astype(features.dtype)
    total, count = np.zeros_like(features), np.zeros(known.shape, features.dtype)
    height, width = known.shape
    for dy in range(3):
        for dx in range(3):
            total += padded[dy : dy + height, dx : dx + width]
            count += mask[dy : dy + height, dx : dx + width]
    filled = total / np.maximum(count, 1)[..., None]
    return np.where(known[..., None], features, filled)
