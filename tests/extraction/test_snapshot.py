"""last_store: only what changed is computed, and the bytes are those of a run from scratch."""

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mentor3ad.extraction.snapshot as snapshot
from mentor3ad.cache.reader import Store
from mentor3ad.cache.schema import StoreManifest
from mentor3ad.extraction.snapshot import last_store
from mentor3ad.publishing.writer import write_store
from mentor3ad.uploading.upload import upload_store
from testbed.stores import verify
from tests.small_stores import CATEGORY, KIND, arrays, digest, manifest

SCANS = tuple("abcdefg")


def store_of(scans: Sequence[str], **changes: object) -> StoreManifest:
    """A store of scans that are called by their content."""
    hashes = tuple(hashlib.sha256(scan.encode()).hexdigest() for scan in scans)
    names = tuple(f"train/good/{i:03d}" for i in range(len(scans)))
    return replace(manifest(), samples=names, hashes=hashes, **changes)


def arrays_of(content: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(list(content.encode()))
    rgb = rng.standard_normal((4, 8)).astype(np.float16)
    return {"rgb": rgb, "index": rng.integers(0, 99, (5, 2)).astype(np.uint16)}


def run(
    folder: Path,
    content: StoreManifest,
    source: str = "",
    before: Callable[[], object] = lambda: None,
    stop: int | None = None,
) -> tuple[list[int], dict[str, str]]:
    """Positions that were computed, and the bytes of the store."""
    asked: list[int] = []

    def compute(samples: Sequence[int]) -> dict[str, np.ndarray]:
        if stop in samples:
            raise KeyboardInterrupt
        asked.extend(samples)
        each = [arrays_of(source + content.hashes[i]) for i in samples]
        return {name: np.stack([a[name] for a in each]) for name in each[0]}

    with last_store(folder, content, [source] * len(content.samples)) as last:
        before()
        reusing = last.reusing(compute)
        write_store(
            folder / "out", content, reusing, folder, identity=last.identity, finished=last.keep
        )
    assert last.computed == len(asked)
    return asked, digest(folder / "out")


def scratch(content: StoreManifest) -> dict[str, str]:
    """The bytes of a run without a snapshot."""
    if content.fingerprint not in _SCRATCH:
        with TemporaryDirectory() as name:
            _SCRATCH[content.fingerprint] = run(Path(name), content)[1]
    return _SCRATCH[content.fingerprint]


_SCRATCH: dict[str, dict[str, str]] = {}


def kept(folder: Path) -> Path:
    return folder / f"snapshots/{CATEGORY}-{KIND}"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staging folder with the snapshot of all scans, two a shard."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder, store_of(SCANS))[0] == list(range(7))
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to work on."""
    return Path(shutil.copytree(whole, tmp_path / "staging"))


# What is computed


@pytest.mark.parametrize(
    ("scans", "computed"),
    [
        ("abcdefg", []),
        ("abXcdefg", [2]),
        ("abcXefg", [3]),
        ("bcdefg", []),
        ("gfedcba", []),
        ("XYZ", [0, 1, 2]),
        ("aabX", [3]),
    ],
    ids=["same", "added", "replaced", "removed", "reordered", "others", "twice"],
)
def test_only_new_content_is_computed(folder: Path, scans: str, computed: list[int]) -> None:
    content = store_of(scans)
    assert run(folder, content) == (computed, scratch(content))


@settings(max_examples=15)
@given(*[st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)] * 2)
def test_any_change_gives_the_bytes_of_a_run_from_scratch(old: list[str], new: list[str]) -> None:
    with TemporaryDirectory() as name:
        run(Path(name), store_of(old))
        expected = [i for i, scan in enumerate(new) if scan not in old]
        assert run(Path(name), store_of(new)) == (expected, scratch(store_of(new)))


@pytest.mark.parametrize("change", [{"codec": "raw"}, {"shard": 3}])
def test_another_packing_computes_nothing(folder: Path, change: dict) -> None:
    content = store_of(SCANS, **change)
    assert run(folder, content) == ([], scratch(content))


def test_other_params_compute_all(folder: Path) -> None:
    other = store_of(SCANS, inputs={"layout": "factored", "points": {"groups": 64, "pool": False}})
    assert run(folder, other)[0] == list(range(7))


def test_another_source_computes_all(folder: Path) -> None:
    """Such as other code or another foreground of the same scan."""
    assert run(folder, store_of(SCANS), source="new code")[0] == list(range(7))


def test_the_next_run_builds_on_this_one(folder: Path) -> None:
    run(folder, store_of("abX"))
    assert run(folder, store_of("abXc"))[0] == [3]


def test_an_interrupted_run_of_other_code_is_not_gone_on_with(tmp_path: Path) -> None:
    content = store_of(SCANS)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, content, source="old code", stop=4)
    assert run(tmp_path, content, source="new code")[0] == list(range(7))


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path) -> None:
    content = store_of(SCANS)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, content, stop=4)
    assert run(tmp_path, content) == ([4, 5, 6], scratch(content))


def test_what_was_reused_is_counted(folder: Path) -> None:
    content = store_of("abX")
    with last_store(folder, content, [""] * 3) as last:
        shard = last.reusing(lambda samples: {k: v[None] for k, v in arrays_of("X").items()})
        shard(range(0, 2))
        assert (last.computed, last.reused) == (0, 2)
        shard(range(2, 3))
        assert (last.computed, last.reused) == (1, 2)


# Damage


def flip(position: int) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        content = bytearray(file.read_bytes())
        content[position] ^= 1
        file.chmod(0o644)
        file.write_bytes(content)

    return damage


def truncate(file: Path) -> None:
    file.chmod(0o644)
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    file.chmod(0o644)
    os.truncate(file, 0)


@pytest.mark.parametrize(
    "damage",
    [flip(0), flip(-1), flip(20), truncate, empty, Path.unlink],
    ids=["first", "last", "inside", "truncated", "empty", "gone"],
)
@pytest.mark.parametrize(
    "file",
    [
        *("store/rgb/c/0/0/0", "store/index/c/3/0/0"),
        *("store/zarr.json", "store/rgb/zarr.json", "keys.json"),
    ],
)
def test_damage_is_computed_again(folder: Path, file: str, damage: Callable[[Path], None]) -> None:
    damage(kept(folder) / file)
    assert run(folder, store_of("Xabcdefg"))[1] == scratch(store_of("Xabcdefg"))


def test_a_flipped_bit_costs_the_scan_that_it_hit(folder: Path) -> None:
    flip(0)(kept(folder) / "store/rgb/c/1/0/0")
    assert run(folder, store_of(SCANS))[0] == [2]


@pytest.mark.parametrize("keys", [[], {}, {"keys": ["x"] * 7}, {"store": "x", "keys": ["x"] * 7}])
def test_keys_of_another_store_offer_nothing(folder: Path, keys: object) -> None:
    file = kept(folder) / "keys.json"
    file.write_text(json.dumps(keys))
    assert run(folder, store_of(SCANS))[0] == list(range(7))


@pytest.mark.parametrize("text", ["[" * 20_000, '{"store": NaN, "keys": 1}', "\ud800"])
def test_keys_that_are_no_document_offer_nothing(folder: Path, text: str) -> None:
    (kept(folder) / "keys.json").write_bytes(text.encode(errors="surrogatepass"))
    assert run(folder, store_of(SCANS))[0] == list(range(7))


@pytest.mark.parametrize(
    ("damage", "content", "source", "sentence"),
    [
        (lambda file: None, "abX", "", ""),
        (lambda file: None, "XYZ", "", "made of other scans, params, code or libraries"),
        (lambda file: None, "abc", "other", "made of other scans, params, code or libraries"),
        (truncate, "abc", "", "damaged or of another release, so nothing of it is reused"),
        (lambda file: shutil.rmtree(file.parent), "abc", "", ""),
    ],
    ids=["some fit", "scans", "code", "damaged", "none"],
)
def test_a_last_store_that_offers_nothing_is_a_sentence(
    folder: Path, damage: Callable[[Path], object], content: str, source: str, sentence: str
) -> None:
    damage(kept(folder) / "keys.json")
    scans = store_of(content)
    with last_store(folder, scans, [source] * len(scans.samples)) as last:
        assert last.refusal.endswith(sentence)
        assert bool(last.refusal) == bool(sentence)


def test_a_shard_lost_while_it_is_read_is_not_taken_for_zeros(folder: Path) -> None:
    shard = kept(folder) / "store/rgb/c/2/0/0"
    assert run(folder, store_of(SCANS), before=shard.unlink) == ([4, 5], scratch(store_of(SCANS)))


# The snapshot on the disk


def test_it_is_read_only_hard_links(whole: Path) -> None:
    for file in (kept(whole) / "store").rglob("*"):
        twin = whole / "out" / file.relative_to(kept(whole) / "store")
        if file.is_file():
            assert file.stat().st_ino == twin.stat().st_ino
            assert not file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)


def test_what_was_taken_over_is_on_the_disk_once(folder: Path) -> None:
    """A file of equal bytes stays the one that DVC's cache holds; another is its own."""
    last = {path.stat().st_ino for path in (kept(folder) / "store").rglob("*") if path.is_file()}
    shutil.rmtree(folder / "out")  # as DVC does before it runs the stage
    run(folder, store_of("abcdeXg"))
    new = [path for path in (folder / "out").rglob("*") if path.is_file()]
    own = {str(p.relative_to(folder / "out")) for p in new if p.stat().st_ino not in last}
    assert own == {"seal.json", "zarr.json", "rgb/c/2/0/0", "index/c/2/0/0"}
    links = {path.stat().st_ino for path in (kept(folder) / "store").rglob("*") if path.is_file()}
    assert links == {path.stat().st_ino for path in new}
    assert not [path for path in new if path.suffix == ".link"]


def test_it_is_a_copy_where_the_disk_has_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(snapshot, "os", SimpleNamespace(link=no_links))  # Zarr links too
    run(tmp_path, store_of(SCANS))
    assert digest(kept(tmp_path) / "store") == digest(tmp_path / "out")
    assert run(tmp_path, store_of("aX"))[0] == [1]


def test_there_is_one_a_category(folder: Path) -> None:
    run(folder, store_of("aX"))
    run(folder, store_of("aX", category="foam"))
    names = sorted(path.name for path in (folder / "snapshots").iterdir() if path.is_dir())
    assert names == ["foam-features", "rope-features"]


def test_a_full_disk_costs_the_snapshot_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(snapshot, "_link", full)
    assert run(tmp_path, store_of(SCANS))[1] == scratch(store_of(SCANS))
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["rope-features.lock"]


def test_a_kill_while_it_is_replaced_leaves_none_or_a_whole_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            run(folder, store_of("abX"))
    assert run(folder, store_of("abX"))[1] == scratch(store_of("abX"))
    assert run(folder, store_of("abX"))[0] == []


def test_it_is_not_replaced_while_another_extraction_reads_it(folder: Path) -> None:
    """Two experiments at once: each ends with its own bytes, and a whole snapshot is left."""
    other = store_of("XYZ")
    ended: list[tuple[list[int], dict[str, str]]] = []

    def the_other_one() -> None:
        (folder / "other").mkdir()
        (folder / "other/snapshots").symlink_to(folder / "snapshots")
        ended.append(run(folder / "other", other))

    assert run(folder, store_of("abcX"), before=the_other_one) == ([3], scratch(store_of("abcX")))
    assert ended == [([0, 1, 2], scratch(other))]
    assert run(folder, store_of("abcX"))[0] == []


# In a bucket


def test_a_store_in_a_bucket_offers_its_samples_too(tmp_path: Path, bucket: str) -> None:
    out = tmp_path / "out.zarr"

    def upload(content: StoreManifest) -> tuple[list[int], str]:
        asked: list[int] = []

        def compute(samples: Sequence[int]) -> dict[str, np.ndarray]:
            asked.extend(samples)
            return arrays(range(samples[0], samples[-1] + 1))

        with last_store(tmp_path / "staging", content, [""] * len(content.samples)) as last:
            reusing = last.reusing(compute)
            upload_store(bucket, out, content, reusing, iter, last.identity, last.keep)
        return asked, last.refusal

    upload(manifest(samples=8))
    assert upload(manifest(samples=11)) == ([8, 9, 10], "")
    verify(Store.open(out, KIND, CATEGORY))
