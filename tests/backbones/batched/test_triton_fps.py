"""The kernel of furthest point sampling: interpreted on the CPU, compiled on CUDA."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from mentor3ad.backbones.batched import fps
from tests.batches import CUDA, padded
from tests.paths import ROOT

INTERPRETED = """
import sys
import numpy as np, torch
from mentor3ad.backbones.batched import fps, triton_fps
triton_fps.BLOCK = int(sys.argv[1])
rng = np.random.default_rng(0)
points = torch.from_numpy(rng.normal(size=(3, 300, 3)).astype(np.float32))
points[1] = torch.from_numpy(rng.integers(0, 4, (300, 3)).astype(np.float32))  # ties
counts = torch.tensor([300, 270, 40])
expected = fps.furthest_points(points, counts, 24)
fps.device_kernel = lambda device: triton_fps.take_steps
print(bool((fps.furthest_points(points, counts, 24) == expected).all()))
"""


@pytest.mark.parametrize("block", [64, 512])
def test_the_interpreted_kernel_has_the_loops_indices(block):
    """In blocks that a scan fills several times, and in one that it does not fill."""
    pytest.importorskip("triton", reason="torch for this platform comes without triton")
    command = [sys.executable, "-c", INTERPRETED, str(block)]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "True\n", ended.stderr


@pytest.mark.parametrize("device", [CUDA])
def test_the_compiled_kernel_has_the_loops_indices(device):
    """Of clouds of many sizes, with ties on all lanes and whole clouds in the skip ball."""
    assert fps.device_kernel(torch.device(device)) is not None
    rng = np.random.default_rng(1)
    scans = [rng.normal(size=(n, 3)).astype(np.float32) for n in (1, 5, 4096, 4097, 15129, 50176)]
    scans += [rng.integers(0, 4, (3000, 3)).astype(np.float32), np.full((70, 3), 1e-3, np.float32)]
    points, counts = padded(scans, device)
    order = fps.tie_order(counts, points.shape[1])
    xyz, nearest = fps._candidates(points, counts, order)
    expected = order.gather(1, fps._queue_steps(xyz, nearest, counts, 1024))
    assert torch.equal(fps.furthest_points(points, counts, 1024), expected)


def test_a_cpu_has_no_kernel():
    assert fps.device_kernel(torch.device("cpu")) is None
