"""Our own kernels against torch's: on the CPU by triton's interpreter, on CUDA as compiled."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from mentor3ad.backbones.batched import fps, neighbours
from mentor3ad.backbones.batched.device_kernels import device_kernels
from tests.batches import CUDA, padded
from tests.paths import ROOT

INTERPRETED = """
import numpy as np, torch
from mentor3ad.backbones.batched import fps, neighbours, triton_fps, triton_neighbours
from mentor3ad.backbones.batched.device_kernels import DeviceKernels
triton_fps.BLOCK = triton_neighbours.POINTS = 64
rng = np.random.default_rng(0)
points = torch.from_numpy(rng.normal(size=(3, 150, 3)).astype(np.float32))
points[1] = torch.from_numpy(rng.integers(0, 3, (150, 3)).astype(np.float32))  # ties
counts = torch.tensor([150, 130, 40])

def found():
    chosen = fps.furthest_points(points, counts, 12)
    near = neighbours.group_neighbours(points, counts, chosen, 9)
    return chosen, near, *neighbours.nearest_centres(points, neighbours.rows_of(points, chosen))

expected = found()
kernels = DeviceKernels(
    triton_fps.take_steps,
    triton_neighbours.three_nearest,
    triton_neighbours.nearest_of_groups,
    150,
)
fps.device_kernels = neighbours.device_kernels = lambda device: kernels
print([bool(torch.equal(a, b)) for a, b in zip(found(), expected, strict=True)])
"""


def test_the_interpreted_kernels_find_what_torch_finds():
    """A scan of random points, one of ties, and one that is mostly padding."""
    pytest.importorskip("triton", reason="torch for this platform comes without triton")
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", INTERPRETED]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout == "[True, True, True, True]\n", ended.stderr


@pytest.mark.parametrize("device", [CUDA])
@pytest.mark.parametrize("largest", [15129, 32768, 50176])
def test_the_compiled_kernels_find_what_torch_finds(device, largest, monkeypatch):
    """Clouds of many sizes, with ties on all lanes and a cloud in the skip ball."""
    assert device_kernels(torch.device(device)) is not None
    rng = np.random.default_rng(1)
    scans = [rng.normal(size=(n, 3)).astype(np.float32) for n in (40, 4096, 4097, largest)]
    scans += [rng.integers(0, 4, (3000, 3)).astype(np.float32), np.full((70, 3), 1e-3, np.float32)]
    points, counts = padded(scans, device)

    def found() -> list[torch.Tensor]:
        chosen = fps.furthest_points(points, counts, 512)
        near = neighbours.group_neighbours(points, counts, chosen, 32)
        index, weight = neighbours.nearest_centres(points, neighbours.rows_of(points, chosen))
        own = torch.arange(points.shape[1], device=device) < counts[:, None]
        return [chosen, near, index[own], weight[own]]

    kernels = found()
    monkeypatch.setattr(fps, "device_kernels", lambda device: None)
    monkeypatch.setattr(neighbours, "device_kernels", lambda device: None)
    for one, other in zip(kernels, found(), strict=True):
        assert torch.equal(one, other)


def test_a_cpu_has_none():
    assert device_kernels(torch.device("cpu")) is None
