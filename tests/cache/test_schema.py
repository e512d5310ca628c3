"""A manifest: the same for the same content, another fingerprint for any other."""

import json
from dataclasses import replace

import pytest

from mentor3ad.cache.schema import ArraySpec, StoreManifest
from tests.small_stores import SPECS, manifest


def test_json_round_trips() -> None:
    content = manifest()
    assert StoreManifest.from_json(json.loads(json.dumps(content.to_json()))) == content


def test_from_json_leaves_its_argument_alone() -> None:
    raw = manifest().to_json()
    StoreManifest.from_json(raw)
    assert raw == manifest().to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "scores"},
        {"category": "foam"},
        {"samples": ("x",) * 11},
        {"hashes": ("0" * 64,) * 11},
        {"inputs": {"layout": "dense"}},
        {"arrays": SPECS[:1]},
        {"arrays": (replace(SPECS[0], dtype="float32"), SPECS[1])},
        {"arrays": (replace(SPECS[0], shape=(8, 4)), SPECS[1])},
        {"codec": "raw"},
        {"shard": 4},
        {"version": 2},
    ],
)
def test_any_other_content_has_another_fingerprint(change: dict) -> None:
    assert replace(manifest(), **change).fingerprint != manifest().fingerprint


def test_fingerprint_is_of_the_content_not_of_the_order_of_inputs() -> None:
    content = manifest()
    other = replace(content, inputs=dict(reversed(list(content.inputs.items()))))
    assert other.fingerprint == content.fingerprint


def test_fingerprint_is_the_same_on_every_machine() -> None:
    tiny = StoreManifest("scores", "rope", ("a",), ("b",), {"x": 1.5}, (SPECS[0],), "raw", 2)
    assert tiny.fingerprint == ("152608023ccd39e79abcb089083b2f5e109640a90ee646d228a520ab5ddf1363")


@pytest.mark.parametrize(
    ("samples", "shard", "expected"),
    [(1, 8, [(0, 1)]), (8, 8, [(0, 8)]), (9, 4, [(0, 4), (4, 8), (8, 9)])],
)
def test_shards_hold_every_sample_once(samples: int, shard: int, expected: list) -> None:
    content = manifest(samples, shard)
    ranges = [content.shard_samples(i) for i in range(content.shards)]
    assert [(r.start, r.stop) for r in ranges] == expected


def test_shard_files_lie_where_zarr_puts_them() -> None:
    spec = ArraySpec("rgb", (2, 3), "float16")
    assert manifest(3, 2).shard_files(spec) == ["rgb/c/0/0/0", "rgb/c/1/0/0"]
