"""extract_on_cluster with a worker in this process: who encodes and who writes changes no byte."""

from pathlib import Path
from typing import Any

import pytest
import torch

import mentor3ad.extraction.dispatched as dispatched
from mentor3ad.buckets.access import bucket_at
from mentor3ad.buckets.pointer import Pointer
from mentor3ad.engine.work import EngineWorker
from mentor3ad.extraction.category import Extracted, extract_category
from mentor3ad.extraction.dispatched import extract_on_cluster
from mentor3ad.extraction.scan import Backbones
from mentor3ad.params.schema import Features, Params
from tests.in_process import hiring_here
from tests.options import prepare
from tests.raw_scans import write_data_set, write_scan

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch, backbones: Backbones) -> None:
    monkeypatch.setattr(dispatched, "hired", hiring_here())
    monkeypatch.setattr(dispatched, "configure_process", lambda runtime: None)
    monkeypatch.setattr(Backbones, "load", classmethod(lambda cls, *_: backbones))


@pytest.fixture
def options(params: Params) -> Features:
    points = params.features.points.model_copy(update={"groups": 16, "group_size": 8})
    changes = {"points": points, "shard": 2, "layout": "factored", "codec": "blosc"}
    return params.features.model_copy(update=changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five scans, prepared: the last shard is not full."""
    write_data_set(tmp_path / "raw")
    write_scan(tmp_path / "raw/disc/train/good", "005", seed=5)
    prepare(tmp_path / "raw", "disc", tmp_path / "prepared")
    return tmp_path


def local(folder: Path, options: Features) -> dict[str, bytes]:
    out = folder / "local.zarr"
    places = folder / "prepared", folder / "raw", out
    extract_category(*places, options, folder / "own", CPU)
    return files(out)


def on_cluster(folder: Path, options: Features, params: Params, store: str | None) -> Extracted:
    runtime = params.runtime.model_copy(update={"engine": "ray", "store": store})
    places = folder / "prepared", folder / "raw", folder / "disc.zarr"
    return extract_on_cluster(*places, options, folder / "staging", runtime)


def files(out: Path) -> dict[str, bytes]:
    found = (f for f in out.rglob("*") if f.is_file())
    return {f.relative_to(out).as_posix(): f.read_bytes() for f in found}


def test_shards_that_workers_encode_are_those_of_this_machine(
    folder: Path, options: Features, params: Params
) -> None:
    assert on_cluster(folder, options, params, None) == Extracted(5, computed=5, reused=0)
    assert files(folder / "disc.zarr") == local(folder, options)


def test_a_shard_with_scans_of_the_last_store_is_joined_here(
    folder: Path, options: Features, params: Params
) -> None:
    on_cluster(folder, options, params, None)
    write_scan(folder / "raw/disc/train/good", "001", seed=8)
    prepare(folder / "raw", "disc", folder / "prepared")
    assert on_cluster(folder, options, params, None) == Extracted(5, computed=1, reused=4)
    assert files(folder / "disc.zarr") == local(folder, options)


def test_workers_put_whole_shards_into_the_bucket_themselves(
    folder: Path,
    options: Features,
    params: Params,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Any] = []
    do = EngineWorker.do
    monkeypatch.setattr(
        EngineWorker, "do", lambda self, item: given.append(do(self, item)) or given[-1]
    )
    assert on_cluster(folder, options, params, bucket) == Extracted(5, computed=5, reused=0)
    pointer = Pointer.load(folder / "disc.zarr")
    there = bucket_at(pointer.url)
    assert {e.key: there.read(e.key) for e in there.entries()} == local(folder, options)
    assert [type(one).__name__ for one in given] == ["Stored"] * 3
