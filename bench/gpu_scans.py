"""Scans of `bench.gpu`: made up in memory, and generated as files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mentor3ad.dataset.grid import SIZE
from mentor3ad.demo.generate import generate_category
from mentor3ad.params.schema import Params
from mentor3ad.preparation.prepare import PreparedScan, prepare_category

SIDE = 123  # pixels of a part of about 15,000 foreground points
CATEGORY = "biscuit"


def made_up_scan(seed: int, side: int = SIDE) -> PreparedScan:
    """A wavy square of side x side points at 0.5 m, on noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] + 0.25  # no coordinate is zero, which marks the background
    z = 0.5 + 0.004 * np.sin(x / 17 + seed) * np.cos(y / 23) + rng.normal(0, 1e-4, x.shape)
    points, first = np.zeros((SIZE, SIZE, 3), np.float32), (SIZE - side) // 2
    points[first : first + side, first : first + side] = np.stack([x * 7e-4, y * 7e-4, z], -1)
    return PreparedScan(rng.normal(size=(3, SIZE, SIZE)).astype(np.float32), points)


def as_arrays(scan: PreparedScan) -> tuple[np.ndarray, np.ndarray]:
    """Image and point map of a made-up scan, without a table as the published preprocessing has it.

    Returns:
        (224, 224, 3) uint8 and (224, 224, 3) float32, both 0 on the background.
    """
    grey = np.clip(128 + 40 * scan.rgb.transpose(1, 2, 0), 1, 255)
    return (grey * scan.foreground[..., None]).astype(np.uint8), scan.points


@contextmanager
def generated(params: Params, scans: int) -> Iterator[Path]:
    """A folder with a category in `raw`, of so many training scans and two, and its `prepared`."""
    counts = {"train": scans - 2, "validation": 0, "test_good": 1, "test_defect": 1}
    data = params.data.model_copy(update={"layout": "mvtec3d", "units": "m"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_category(folder / "raw", CATEGORY, params.demo.model_copy(update=counts))
        prepare_category(
            folder / "raw", CATEGORY, folder / "prepared", data.preparation, data, workers=8
        )
        yield folder
