"""Padded batches of made-up scans, and the devices that the batched tests run on."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mentor3ad.preparation.prepare import PreparedScan

CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(
            not torch.cuda.is_available(), reason="needs a CUDA device that torch can use"
        ),
    ],
)
DEVICES = ["cpu", CUDA]


def padded(scans: list[np.ndarray], device: str) -> tuple[Tensor, Tensor]:
    """Points (B, P, 3) of scans of different sizes, and their counts."""
    counts = [len(scan) for scan in scans]
    points = torch.zeros(len(scans), max(counts), 3)
    for row, scan in zip(points, scans, strict=True):
        row[: len(scan)] = torch.from_numpy(scan)
    return points.to(device), torch.tensor(counts, device=device)


def foreground_points(scan: PreparedScan) -> np.ndarray:
    return scan.points[scan.foreground]
