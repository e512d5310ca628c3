"""Tiny made-up scans in MVTec 3D-AD's layout: a disc on a tilted table, 1 mm a pixel."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

PITCH = 0.001  # metres
DISTANCE = 0.45  # metres from the camera to the table


def disc_mask(height: int, width: int, radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:height, :width]
    return (y - height / 2 + 0.5) ** 2 + (x - width / 2 + 0.5) ** 2 < radius**2


def table_points(height: int = 100, width: int = 100, tilt: float = 0.1) -> NDArray[np.float32]:
    """(H, W, 3) of the bare table."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = (x - width / 2 + 0.5) * PITCH, (y - height / 2 + 0.5) * PITCH
    return np.stack([x, y, DISTANCE + tilt * x], axis=-1).astype(np.float32)


def disc_points(
    height: int = 100, width: int = 100, radius: float = 30.0, rise: float = 0.02
) -> NDArray[np.float32]:
    """(H, W, 3): a disc, `rise` metres above the table, with a few pixels without a return."""
    points = table_points(height, width)
    points[disc_mask(height, width, radius), 2] -= rise
    points[::7, ::11] = 0
    return points


def write_points(path: Path, points: NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, points, photometric="rgb")


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, format="PNG")


def write_scan(folder: Path, stem: str, seed: int = 0, masked: bool = False) -> None:
    """One scan of seeded colours and radius in a DEFECT folder; its mask is a square of 253."""
    rng = np.random.default_rng(seed)
    height, width = 100, 90
    write_png(folder / f"rgb/{stem}.png", rng.integers(0, 256, (height, width, 3), np.uint8))
    write_points(folder / f"xyz/{stem}.tiff", disc_points(height, width, rng.uniform(20, 35)))
    if masked:
        mask = np.zeros((height, width), np.uint8)
        mask[40:50, 40:50] = 253
        write_png(folder / f"gt/{stem}.png", mask)


def write_data_set(root: Path, category: str = "disc") -> Path:
    """Four scans: two to train, a good and a bumpy one to test."""
    write_scan(root / category / "train/good", "000", seed=0)
    write_scan(root / category / "train/good", "001", seed=1)
    write_scan(root / category / "test/good", "000", seed=2)
    write_scan(root / category / "test/bump", "000", seed=3, masked=True)
    return root
