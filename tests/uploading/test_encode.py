"""Files that are made in memory are those of a store on the disk, to the byte."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from mentor3ad.seals.seal import SEAL_FILE
from mentor3ad.uploading.encode import (
    ROOT,
    encode_alone,
    encode_description,
    encode_seal,
    encode_shard,
    mark_files,
)
from tests.small_stores import arrays, manifest


@pytest.mark.parametrize("codec", ["raw", "zstd", "blosc"])
@pytest.mark.parametrize("shard", [2, 4], ids=["with a shard of zeros", "mixed"])
def test_the_bytes_are_those_of_the_local_store(tmp_path: Path, codec: str, shard: int) -> None:
    content, made_from = manifest(codec=codec, shard=shard), {"prepared": "ab"}
    store = tmp_path / "rope.zarr"
    write_store(store, content, arrays, tmp_path / "staging", made_from=made_from)
    order = reversed(range(content.shards))
    shards = {
        name: file
        for i in order
        for name, file in encode_shard(content, i, arrays(content.shard_samples(i))).items()
    }
    files = shards | encode_description(content)
    seal = encode_seal(content, mark_files(content, shards), made_from)
    found = files | {SEAL_FILE: seal.to_bytes()}
    local = [path for path in store.rglob("*") if path.is_file()]
    assert {p.relative_to(store).as_posix(): p.read_bytes() for p in local} == found


def test_a_shard_is_encoded_by_who_knows_its_samples_alone() -> None:
    whole = manifest(shard=2)
    for shard in range(whole.shards):
        samples = whole.shard_samples(shard)
        ids = whole.samples[samples.start : samples.stop]
        alone = dataclasses.replace(whole, samples=ids, hashes=ids, inputs={})
        expected = encode_shard(whole, shard, arrays(samples))
        assert encode_alone(alone, shard, arrays(samples)) == expected


def test_what_makes_it_a_store_comes_last() -> None:
    assert list(encode_description(manifest()))[-1] == ROOT


def test_what_is_not_finite_is_refused() -> None:
    values = arrays(range(2))
    values["rgb"][1, 0, 0] = np.inf
    with pytest.raises(CacheError, match="rgb of rope is not finite"):
        encode_shard(manifest(), 0, values)
