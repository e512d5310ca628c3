"""Small stores: two arrays, eleven samples in six shards, the last of them not full."""

import hashlib
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.cache.schema import ArraySpec, StoreManifest
from mentor3ad.publishing.writer import write_store

KIND, CATEGORY = "features", "rope"
ALL_ZERO_SHARD = 1
SPECS = (ArraySpec("rgb", (4, 8), "float16"), ArraySpec("index", (5, 2), "uint16"))


def manifest(samples: int = 11, shard: int = 2, codec: str = "blosc") -> StoreManifest:
    names = tuple(f"train/good/{i:03d}" for i in range(samples))
    return StoreManifest(
        kind=KIND,
        category=CATEGORY,
        samples=names,
        hashes=tuple(hashlib.sha256(name.encode()).hexdigest() for name in names),
        inputs={"points": {"groups": 32, "pool": False}, "layout": "factored"},
        arrays=SPECS,
        codec=codec,
        shard=shard,
    )


def arrays(samples: range) -> dict[str, np.ndarray]:
    """Content that depends on the sample alone; samples 2 and 3 are all zero."""
    parts = [np.random.default_rng(i) for i in samples]
    rgb = np.stack([rng.standard_normal((4, 8)) for rng in parts]).astype(np.float16)
    index = np.stack([rng.integers(0, 99, (5, 2)) for rng in parts]).astype(np.uint16)
    keep = np.array([i not in (2, 3) for i in samples])
    return {"rgb": rgb * keep[:, None, None], "index": index * keep[:, None, None].astype("uint16")}


class Counted:
    """`arrays`, noting which shards were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, samples: range) -> dict[str, np.ndarray]:
        self.asked.append(samples.start)
        return arrays(samples)


def write(out: Path, content: StoreManifest | None = None) -> Path:
    """A finished store at `out`."""
    write_store(out, content or manifest(), arrays, out.parent / "staging")
    return out


class Stop(Exception):
    """Stands for a kill inside compute."""


def stop_at(start: int):
    def compute(samples: range) -> dict[str, np.ndarray]:
        if samples.start == start:
            raise Stop
        return arrays(samples)

    return compute


def interrupted(tmp_path: Path, start: int = 6) -> Path:
    """A staging root in which the shards before sample `start` are finished."""
    with pytest.raises(Stop):
        write_store(tmp_path / "out.zarr", manifest(), stop_at(start), tmp_path / "staging")
    return tmp_path / "staging"


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by relative path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def staging_folder(root: Path, content: StoreManifest) -> Path:
    return root / f"{content.category}-{content.kind}-{content.fingerprint[:16]}"


def edit_manifest(store: Path, **changes: object) -> None:
    """Change fields of a finished store's manifest; None removes one."""
    file = store / "zarr.json"
    group = json.loads(file.read_text())
    content = group["attributes"]["mentor3ad"] | changes
    group["attributes"]["mentor3ad"] = {k: v for k, v in content.items() if v is not None}
    file.write_text(json.dumps(group))


def many_shards() -> StoreManifest:
    return replace(manifest(samples=80), shard=1)


def slow_write(out: Path, staging: Path, calls: Path) -> None:
    """Write `many_shards`, appending a line to `calls` before each is computed."""

    def compute(samples: range) -> dict[str, np.ndarray]:
        with calls.open("a") as log:
            log.write(f"{samples.start}\n")
        time.sleep(0.005)
        return arrays(samples)

    write_store(out, many_shards(), compute, staging)


def kill_writers(count: int, out: Path, staging: Path, calls: Path) -> None:
    """Start so many writers one after the other, SIGKILL each within a few shards of its start.

    They are forks of this process, which must have no other thread: threads do not survive a fork,
    and what they had locked stays locked. So zarr has not been used yet, and BLAS has no threads.
    """
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    rng = random.Random(0)
    for _ in range(count):
        calls.write_text("")
        if (writer := os.fork()) == 0:
            slow_write(out, staging, calls)
            os._exit(0)
        shards = rng.randint(0, 3)
        while calls.read_text().count("\n") < shards:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(writer, signal.SIGKILL)
        if os.waitpid(writer, 0)[1] != signal.SIGKILL or out.exists():
            sys.exit("the store was finished before the kill")


if __name__ == "__main__":
    kill_writers(int(sys.argv[1]), *map(Path, sys.argv[2:]))
