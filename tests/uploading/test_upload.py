"""Stores in a bucket: the bytes of a local one, one publisher, and nothing wrong is read."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.buckets.access import Bucket, bucket_at
from mentor3ad.buckets.pointer import Pointer
from mentor3ad.cache.reader import Store
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from mentor3ad.seals.sealed import Sealed
from mentor3ad.uploading.upload import upload_store
from testbed.s3_server import S3Server
from testbed.stores import verify
from tests.small_stores import CATEGORY, KIND, Counted, Stop, arrays, manifest, stop_at

MADE_FROM = {"prepared": "ab"}


def upload(out: Path, prefix: str, compute: Callable = arrays, **options: object) -> int:
    content = options.pop("manifest", manifest())
    options = {"made_from": MADE_FROM} | options
    return upload_store(prefix, out, content, compute, **options)  # type: ignore[arg-type]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "rope.zarr"


@pytest.fixture
def stored(out: Path, bucket: str) -> Bucket:
    """The place of a finished store, whose pointer is `out`."""
    upload(out, f"{bucket}/some/place")
    return Pointer.load(out).bucket


def objects(place: Bucket) -> dict[str, bytes]:
    return {one.key: place.read(one.key) for one in place.entries()}


def test_the_objects_are_the_files_of_the_local_store(stored: Bucket, tmp_path: Path) -> None:
    local = tmp_path / "local.zarr"
    write_store(local, manifest(), arrays, tmp_path / "staging", made_from=MADE_FROM)
    files = [path for path in local.rglob("*") if path.is_file()]
    assert objects(stored) == {p.relative_to(local).as_posix(): p.read_bytes() for p in files}


def test_the_pointer_says_what_the_store_is(stored: Bucket, out: Path) -> None:
    pointer = Pointer.load(out)
    assert pointer.url.startswith(stored.url.partition("/some")[0] + "/some/place/features/rope/")
    assert pointer.size == sum(one.size for one in stored.entries())
    assert pointer.digest == Sealed.open(out, KIND, CATEGORY).seal.digest
    assert (pointer.kind, pointer.category) == (KIND, CATEGORY)


def test_every_value_reads_back(stored: Bucket, out: Path) -> None:
    store = Store.open(out, KIND, CATEGORY)
    assert store.manifest == manifest()
    for name, values in arrays(range(11)).items():
        np.testing.assert_array_equal(store.read_samples(name), values)
        np.testing.assert_array_equal(store.read(name, 7), values[7])


def test_a_shard_is_read_once_and_whole_by_whoever_asks(
    stored: Bucket, out: Path, s3: S3Server
) -> None:
    store = Store.open(out, KIND, CATEGORY)
    with s3.requests() as requests:
        threads = [threading.Thread(target=store.read, args=("rgb", i % 4)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(line.partition(".zarr/")[2] for line in requests) == [
        "rgb/c/0/0/0",
        "rgb/c/1/0/0",
    ]


def test_a_store_that_is_there_costs_two_small_requests(
    stored: Bucket, out: Path, tmp_path: Path, s3: S3Server
) -> None:
    counted, second = Counted(), tmp_path / "second.zarr"
    with s3.requests() as requests:
        prefix = stored.url.partition("/features/")[0]
        assert upload(second, prefix, counted) == 0
    assert second.read_bytes() == out.read_bytes()
    assert counted.asked == []
    names = [line.split("/")[0] + line.partition(".zarr")[2] for line in requests]
    assert names == ["HEAD /zarr.json", "GET /seal.json"]


def test_a_store_made_from_others_is_another(stored: Bucket, out: Path, tmp_path: Path) -> None:
    """Its seal differs, though its shards do not."""
    prefix = stored.url.partition("/features/")[0]
    upload(tmp_path / "second.zarr", prefix, made_from={"prepared": "cd"})
    assert Pointer.load(tmp_path / "second.zarr").url != Pointer.load(out).url


def test_a_stopped_run_goes_on_from_the_marks(out: Path, bucket: str) -> None:
    with pytest.raises(Stop):
        upload(out, bucket, stop_at(6))
    assert not out.exists()
    counted = Counted()
    assert upload(out, bucket, counted) == 3
    assert counted.asked == [6, 8, 10]
    verify(Store.open(out, KIND, CATEGORY))


def test_a_shard_whose_object_is_gone_or_torn_is_computed_again(out: Path, bucket: str) -> None:
    with pytest.raises(Stop):
        upload(out, bucket, stop_at(6))
    keys = [one.key for one in bucket_at(bucket).entries()]
    bucket_at(bucket).delete([key for key in keys if key.endswith("rgb/c/0/0/0")])
    [torn] = [key for key in keys if key.endswith("index/c/1/0/0")]
    bucket_at(bucket).replace(torn, b"torn")
    counted = Counted()
    upload(out, bucket, counted)
    assert counted.asked == [0, 2, 6, 8, 10]
    verify(Store.open(out, KIND, CATEGORY))


def test_of_two_publishers_one_wins_and_the_other_says_that_the_bytes_are_the_same(
    tmp_path: Path, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    meet = threading.Barrier(2)

    def together(samples: range) -> dict[str, np.ndarray]:
        meet.wait(timeout=60)
        return arrays(samples)

    outs = [tmp_path / "a.zarr", tmp_path / "b.zarr"]
    runs = [threading.Thread(target=upload, args=(o, bucket, together)) for o in outs]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert caplog.text.count("another run published this store first, with the same bytes") == 1
    verify(Store.open(outs[0], KIND, CATEGORY))


def test_another_machines_bytes_are_never_replaced(out: Path, bucket: str) -> None:
    """The identity is the same, and yet the numbers differ."""
    with pytest.raises(Stop):
        upload(out, bucket, stop_at(2))

    def rounded(samples: range) -> dict[str, np.ndarray]:
        values = arrays(samples)
        return values | {"rgb": values["rgb"] + np.float16(0.5)}

    place = bucket_at(bucket)
    mark = next(one.key for one in place.entries() if ".marks/" in one.key)
    place.delete([mark])
    before = objects(place)
    with pytest.raises(CacheError, match=r"/rgb/c/0/0/0 holds other bytes than were computed"):
        upload(out, bucket, rounded)
    assert objects(place).items() >= before.items()
    assert not out.exists()


# Refused when it is read


def refused(out: Path, *words: str) -> None:
    with pytest.raises(CacheError) as caught:
        verify(Store.open(out, KIND, CATEGORY))
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


HEAL = "mentor3ad store verify"
AGAIN = "`dvc repro --force --single-item extract@rope`"


@pytest.mark.parametrize("file", ["rgb/c/0/0/0", "rgb/c/1/0/0", "index/c/5/0/0"])
def test_a_missing_object_is_not_read_as_zeros(stored: Bucket, out: Path, file: str) -> None:
    stored.delete([file])
    refused(out, f"{file} does not exist", HEAL, AGAIN)


@pytest.mark.parametrize("position", [0, 20, -1, -5], ids=["chunk", "chunk 2", "index", "offset"])
def test_a_flipped_bit(stored: Bucket, out: Path, position: int) -> None:
    content = bytearray(stored.read("rgb/c/2/0/0"))
    content[position] ^= 1
    stored.replace("rgb/c/2/0/0", bytes(content))
    refused(out, "rgb/c/2/0/0", HEAL, AGAIN)


def test_a_shard_of_another_store(stored: Bucket, out: Path) -> None:
    stored.replace("rgb/c/0/0/0", stored.read("rgb/c/2/0/0"))
    refused(out, "rgb/c/0/0/0 is damaged")


@pytest.mark.parametrize("file", ["zarr.json", "rgb/zarr.json", "seal.json"])
def test_a_damaged_description(stored: Bucket, out: Path, file: str) -> None:
    stored.replace(file, stored.read(file).replace(b"rgb", b"rgc").replace(b"float16", b"float32"))
    refused(out, HEAL if file != "zarr.json" else "zarr.json")


def test_a_store_that_is_gone(stored: Bucket, out: Path) -> None:
    stored.delete([one.key for one in stored.entries()])
    refused(out, str(out), "is gone from the bucket", AGAIN)


def test_a_store_that_is_not_published(stored: Bucket, out: Path) -> None:
    stored.delete(["zarr.json"])
    refused(out, "zarr.json", AGAIN)


def test_a_pointer_to_another_store(stored: Bucket, out: Path, bucket: str, tmp_path: Path) -> None:
    other = tmp_path / "foam.zarr"
    upload(other, bucket, manifest=replace(manifest(), category="foam"))
    shutil.copyfile(other, out)
    refused(out, "its category is 'foam', expected 'rope'")


def test_a_pointer_whose_store_was_replaced(stored: Bucket, out: Path, bucket: str) -> None:
    foam = out.with_name("foam.zarr")
    upload(foam, bucket, manifest=replace(manifest(), category="foam"))
    stored.replace("seal.json", Pointer.load(foam).bucket.read("seal.json"))
    refused(out, "of another store than the pointer")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pointer": 2}', '{"pointer": 1}'])
def test_a_file_that_is_no_pointer(out: Path, text: str) -> None:
    out.write_text(text)
    refused(out, "no folder of a store, and no pointer", "run `dvc repro`")


@pytest.mark.parametrize(
    "change",
    [
        ("/features/rope/", "/features/../"),
        ("/features/rope/", "/others/"),
        ('"category": "rope"', '"category": "foam"'),
        ("s3://", "file://"),
    ],
    ids=["up", "elsewhere", "of another", "no bucket"],
)
def test_a_pointer_to_a_place_that_is_not_ours(
    stored: Bucket, out: Path, change: tuple[str, str]
) -> None:
    """`mentor3ad store verify --delete` deletes where a pointer leads."""
    text = out.read_text()
    assert change[0] in text
    out.write_text(text.replace(*change))
    refused(out, "no folder of a store, and no pointer")


def test_a_folder_takes_the_place_of_a_pointer_and_back(
    stored: Bucket, out: Path, tmp_path: Path
) -> None:
    pointer = out.read_bytes()
    write_store(out, manifest(), arrays, tmp_path / "staging", made_from=MADE_FROM)
    verify(Store.open(out, KIND, CATEGORY))
    upload(out, stored.url.partition("/features/")[0])
    assert out.read_bytes() == pointer
