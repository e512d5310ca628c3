"""The training scans' features in memory and, where they are too large, mapped from the disk."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mentor3ad.features.pixels import PixelFeatures, table_bytes
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.training import data as training_data
from mentor3ad.training.data import training_features
from tests.paths import ROOT
from tests.stored import GROUPS, scan_features, store_features

CPU = torch.device("cpu")
SCANS, HELD_OUT = 4, 1


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    scans = [scan_features(seed) for seed in range(SCANS + HELD_OUT)]
    return store_features(tmp_path_factory.mktemp("data"), "rope", scans, HELD_OUT)


@pytest.fixture
def load(stored: tuple[Path, Path], params: Params, tmp_path: Path):
    def load(memory_gb: float | None, part: str = "train") -> PixelFeatures:
        runtime = params.runtime.model_copy(update={"memory_gb": memory_gb})
        limited = params.model_copy(update={"runtime": runtime})
        return training_features(limited, "rope", *stored, tmp_path / "s", CPU, part)

    return load


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Tables that were mapped."""
    made, make = [], training_data.scratch_table
    monkeypatch.setattr(
        training_data, "scratch_table", lambda *a: made.append(make(*a)) or made[-1]
    )
    return made


def gathered(features: PixelFeatures) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = [(s, p) for s, pixels in enumerate(features.foreground) for p in pixels[::7]]
    return features.gather(*torch.tensor(pairs).T)


@pytest.mark.parametrize(("part", "scans"), [("train", SCANS), ("held_out", HELD_OUT)])
def test_mapped_features_have_the_bits_of_resident_ones(load, tables, part, scans) -> None:
    resident = load(1.0, part)
    assert not tables
    mapped = load(1e-6, part)
    assert len(tables) == 4
    assert len(mapped) == scans
    assert all(torch.equal(a, b) for a, b in zip(gathered(mapped), gathered(resident), strict=True))


def test_both_parts_count_and_their_tables_in_the_space(load, tables, params) -> None:
    components = params.model.whitening.components
    size = table_bytes([GROUPS] * (SCANS + HELD_OUT), components) / 1e9
    load(size * 1.001)
    assert not tables
    load(size * 0.999)
    assert len(tables) == 4


def test_null_is_half_of_what_is_available(load, tables, params, monkeypatch) -> None:
    size = table_bytes([GROUPS] * (SCANS + HELD_OUT), params.model.whitening.components)
    monkeypatch.setattr(training_data, "available_memory", lambda device: 2 * size)
    load(None)
    assert not tables
    monkeypatch.setattr(training_data, "available_memory", lambda device: 2 * size - 2)
    load(None)
    assert len(tables) == 4


def test_the_size_is_that_of_the_tables(load, tables, params) -> None:
    """Of one part, the tables in the space left out: they are made later."""
    load(1e-6)
    assert sum(table.nbytes for table in tables) == table_bytes([GROUPS] * SCANS, None)


def test_no_room_on_the_disk_is_said_before_any_scan_is_read(load, tables, monkeypatch) -> None:
    monkeypatch.setattr(
        "mentor3ad.training.mapped.shutil.disk_usage", lambda folder: SimpleNamespace(free=10**6)
    )
    with pytest.raises(CacheError, match=r"/s: .* need 0\.01 GB on this disk, which has 0\.00 GB"):
        load(1e-6)
    assert not tables


MEASURED = """
import sys
from pathlib import Path
import torch
from mentor3ad.features.store import FeatureCache
from mentor3ad.params.schema import load_params
from mentor3ad.training.data import training_features
from mentor3ad.features.space import FeatureSpace

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    seen.append(next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1000)
    return seen[-1]

seen, read, space = [], FeatureCache.scan, FeatureSpace(64)
FeatureCache.scan = lambda cache, i: (anonymous(), read(cache, i))[1]
prepared, features, scratch = map(Path, sys.argv[1:])
params, device = load_params(), torch.device("cpu")

def peak(memory_gb, limit=None):
    seen.clear()
    before, changed = anonymous(), params.model_copy(update={
        "data": params.data.model_copy(update={"train_limit": limit}),
        "runtime": params.runtime.model_copy(update={"memory_gb": memory_gb}),
    })
    data = training_features(changed, "rope", prepared, features, scratch, device)
    both = data, data.in_space(space)
    return max(anonymous(), *seen) - before

peak(1.0, limit=2)  # what the libraries take
print(peak(1e-6), peak(1.0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon is Linux's")
def test_mapped_features_take_no_anonymous_memory(tmp_path: Path) -> None:
    """MB, at most, while they are loaded and brought into the space."""
    stored = store_features(tmp_path, "rope", [scan_features(0)] * 32)
    size = table_bytes([GROUPS] * 31, 64) / 1e6
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, stored), str(tmp_path / "scratch")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    mapped, resident = map(float, done.stdout.split())
    assert size > 70
    assert mapped < 0.25 * size
    assert 0.8 * size < resident < 1.25 * size
