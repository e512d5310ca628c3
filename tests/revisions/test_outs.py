"""Outs of a commit, found by the hashes in dvc.lock."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import CacheError, ConfigError
from mentor3ad.revisions.outs import Outs, results_in


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


ROOT, RESULTS = md5(b"root"), md5(b"results")
LIST = json.dumps([{"md5": ROOT, "relpath": "anomaly.zarr/zarr.json"}]).encode()
FOLDER = f"{md5(LIST)}.dir"
LOCK = f"""\
schema: '2.0'
stages:
  vote@rope:
    cmd: exec python -m stages.vote --category rope
    outs:
    - path: data/votes/rope
      hash: md5
      md5: {FOLDER}
      nfiles: 1
  'evaluate@rope: long':
    cmd: exec python -m stages.evaluate
  report:
    cmd: exec python -m stages.report
    outs:
    - path: reports/results.json
      md5: {RESULTS}
    - path: reports/metrics.json
      md5: cc
"""


@pytest.fixture
def outs(tmp_path: Path) -> Outs:
    for name, content in ((FOLDER, LIST), (RESULTS, b"results"), (ROOT, b"root")):
        (tmp_path / name).write_bytes(content)
    return Outs(LOCK, lambda md5: tmp_path / md5)


def test_a_file_is_read_by_its_hash(outs: Outs) -> None:
    assert outs.read("report", "reports/results.json") == b"results"


def test_a_file_of_a_folder_is_found_through_its_list(outs: Outs, tmp_path: Path) -> None:
    assert outs.read("vote@rope", "data/votes/rope", "anomaly.zarr/zarr.json") == b"root"
    assert outs.files("vote@rope", "data/votes/rope") == {"anomaly.zarr/zarr.json": tmp_path / ROOT}


@pytest.mark.parametrize(
    ("stage", "out", "file"),
    [
        ("vote", "data/votes/rope", ""),
        ("vote@rope", "data/votes", ""),
        ("vote@rope", "data/votes/rope", "voting.json"),
        ("evaluate@rope: long", "data/eval/rope", ""),
        ("report", "reports/metrics.json", ""),  # in no cache, but in git
    ],
)
def test_what_is_not_there_is_none(outs: Outs, stage: str, out: str, file: str) -> None:
    assert outs.read(stage, out, file) is None


def test_a_list_that_the_cache_lost_names_no_files(outs: Outs, tmp_path: Path) -> None:
    (tmp_path / FOLDER).unlink()
    assert outs.files("vote@rope", "data/votes/rope") == {}


@pytest.mark.parametrize("name", [FOLDER, ROOT])
def test_what_the_cache_holds_damaged_is_refused(outs: Outs, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")
    with pytest.raises(CacheError, match="in DVC's cache, is damaged"):
        outs.read("vote@rope", "data/votes/rope", "anomaly.zarr/zarr.json")


@pytest.mark.parametrize("text", ["[" * 20_000, "7", "[1]", '[{"md5": "x"}]', "\xff"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    content = text.encode("latin-1")
    (tmp_path / "list").write_bytes(content)
    lock = LOCK.replace(FOLDER, f"{md5(content)}.dir")
    with pytest.raises(CacheError, match="in DVC's cache, is no list of files"):
        Outs(lock, lambda md5: tmp_path / "list").files("vote@rope", "data/votes/rope")


@pytest.mark.timeout(10)
def test_a_fifo_in_the_cache_is_the_machines(outs: Outs, tmp_path: Path) -> None:
    (tmp_path / RESULTS).unlink()
    os.mkfifo(tmp_path / RESULTS)
    with pytest.raises(OSError, match="it is a FIFO"):
        outs.read("report", "reports/results.json")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": NaN}', '{"a": 1e999}', "[" * 20_000, b"\xff"])
def test_results_that_are_none_are_one_sentence(text: str | bytes) -> None:
    with pytest.raises(ConfigError, match=r"^metrics\.json of abc .*: run its pipeline again"):
        results_in(text, "metrics.json of abc")
