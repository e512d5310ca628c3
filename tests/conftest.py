"""Fixtures shared by the tests: golden vectors, made-up scans, backbones that fit a laptop."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from hypothesis import settings

from mentor3ad.backbones.point_mae import PointMAE
from mentor3ad.backbones.random_weights import random_weights
from mentor3ad.backbones.rgb import BACKBONE
from mentor3ad.extraction.scan import Backbones
from mentor3ad.params.schema import Params, load_params
from mentor3ad.preparation.prepare import PreparedScan
from testbed.s3_server import S3Server, s3_server
from tests.file_server import FileServer, serving
from tests.paths import GOLDEN, ROOT

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

PARAMS = ROOT / "params.yaml"
LONGEST = ("tests/e2e/", "tests/studies/", "tests/inspection/", "tests/bench/")  # begun first
PITCH = 0.001  # metres a pixel of a made-up scan


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests run in several processes, what takes longest begins first."""
    if hasattr(config, "workerinput"):  # in a process of pytest-xdist
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Reads all arrays of a golden file, named by its path inside tests/golden."""

    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(GOLDEN / name) as arrays:
            return dict(arrays)

    return read


@pytest.fixture(scope="session")
def params() -> Params:
    """The shipped params; a test overrides every key that its result depends on."""
    return load_params(PARAMS)


def prepared_scan(seed: int, half: int = 18) -> PreparedScan:
    """A bumpy square of (2 half)^2 points, seen at 0.5 m, off the middle by the seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:224, :224]
    top, left = rng.integers(20, 224 - 20 - 2 * half, 2) if half < 92 else (0, 0)
    inside = (y >= top) & (y < top + 2 * half) & (x >= left) & (x < left + 2 * half)
    z = 0.5 + 0.004 * np.sin(x / 3 + seed) * np.cos(y / 5) + rng.normal(0, 1e-4, x.shape)
    points = np.stack([(x - 111.5) * PITCH, (y - 111.5) * PITCH, z], axis=-1)
    points[~inside] = 0
    rgb = rng.normal(size=(3, 224, 224))
    return PreparedScan(rgb.astype(np.float32), points.astype(np.float32))


@pytest.fixture(scope="session")
def make_scan() -> Callable[..., PreparedScan]:
    return prepared_scan


@pytest.fixture(scope="session")
def backbones() -> Backbones:
    """The true Point-MAE encoder and two blocks of the ViT, with seeded random weights, on CPU."""
    vit = timm.create_model(BACKBONE, pretrained=False, num_classes=0, depth=2)
    networks = vit, PointMAE()
    for network in networks:
        random_weights(network, seed=0, residual=0.3)
        network.eval().requires_grad_(False)
    return Backbones(*networks, torch.device("cpu"))


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one generated category that every stage has run through; read it only."""
    from tests.tiny_project import run_stages  # every stage's imports

    return run_stages(tmp_path_factory.mktemp("project"))


@pytest.fixture
def server() -> Iterator[FileServer]:
    """A file server on this machine."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server on this machine, which this process's environment names meanwhile."""
    pytest.importorskip("moto", reason="S3 needs the extra s3-tests")
    pytest.importorskip("obstore", reason="S3 needs the extra s3-tests")
    with (
        s3_server(tmp_path_factory.mktemp("s3") / "requests") as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def bucket(s3: S3Server, request: pytest.FixtureRequest) -> str:
    """The address of an empty bucket."""
    return s3.make_bucket(f"bucket-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}")


@pytest.fixture
def weights_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and an empty cache of the hub's beside it."""
    monkeypatch.setenv("MENTOR3AD_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "weights"
