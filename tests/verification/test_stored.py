"""`mentor3ad store`: what lies in a bucket, whether it is whole, and what goes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mentor3ad.buckets.access import bucket_at
from mentor3ad.buckets.pointer import Pointer
from mentor3ad.cache.reader import Store
from mentor3ad.cli.main import app
from mentor3ad.params.project import Project
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.uploading.upload import upload_store
from mentor3ad.verification.stored import stores_in, unused
from mentor3ad.verification.verify import verify
from testbed.stores import verify as read_all
from tests.small_stores import CATEGORY, KIND, Counted, Stop, arrays, manifest, stop_at

AGAIN = f"`dvc repro --force --single-item extract@{CATEGORY}`"


@pytest.fixture
def pointer(tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Pointer:
    """Of the one store of a project in the current folder."""
    monkeypatch.chdir(tmp_path)
    upload_store(bucket, Project().features(CATEGORY), manifest(), arrays)
    return Pointer.load(Project().features(CATEGORY))


def store(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["store", *arguments], catch_exceptions=False)


def keys(bucket: str) -> list[str]:
    return [one.key for one in bucket_at(bucket).entries()]


def test_the_list_says_what_is_whole_and_whose(pointer: Pointer, bucket: str) -> None:
    with pytest.raises(Stop):
        upload_store(bucket, Path("other.zarr"), manifest(codec="raw"), stop_at(6))
    upload_store(bucket, Path("zstd.zarr"), manifest(codec="zstd"), arrays)
    bucket_at(bucket).replace("features/rope/notes.txt", b"somebody's")
    lines = store("list", bucket).stdout.splitlines()
    assert lines[0].split() == ["kind", "category", "MB", "written", "state", "address"]
    assert sorted(line.split()[4] for line in lines[2:]) == ["here", "unfinished", "whole"]
    [here] = [line.split()[5] for line in lines if " here " in line]
    assert here == pointer.url


def test_without_an_address_the_params_name_it(pointer: Pointer) -> None:
    with pytest.raises(Exception, match=r"params\.yaml is missing"):
        store("list")


def test_a_whole_store_is_exit_code_0(pointer: Pointer) -> None:
    done = store("verify")
    assert (done.exit_code, done.stdout) == (0, "data/features/rope.zarr: 0.0 MB, all whole\n")
    assert store("verify", pointer.url).exit_code == 0


@pytest.mark.parametrize("file", ["rgb/c/2/0/0", "rgb/zarr.json", "zarr.json", "seal.json"])
@pytest.mark.parametrize("missing", [False, True], ids=["damaged", "missing"])
def test_what_is_damaged_is_deleted_and_made_again_alone(
    pointer: Pointer, bucket: str, file: str, missing: bool
) -> None:
    place = pointer.bucket
    before = {key: bucket_at(bucket).read(key) for key in keys(bucket)}
    if missing:
        place.delete([file])
    else:
        place.replace(file, place.read(file)[:-7] + b"garbage")
    done = store("verify", "--delete")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0].startswith(f"damaged: {pointer.url}/{file} (")
    assert AGAIN in done.stdout
    with pytest.raises(CacheError):
        read_all(Store.open(Project().features(CATEGORY), KIND, CATEGORY))
    counted = Counted()
    upload_store(bucket, Project().features(CATEGORY), manifest(), counted)
    assert counted.asked == ([4] if "/c/" in file else [])
    assert {key: bucket_at(bucket).read(key) for key in keys(bucket)} == before
    assert store("verify").exit_code == 0


def test_verify_without_delete_deletes_nothing(pointer: Pointer, bucket: str) -> None:
    pointer.bucket.replace("rgb/c/2/0/0", b"garbage")
    before = keys(bucket)
    assert store("verify").exit_code == 1
    assert keys(bucket) == before


def test_an_out_that_is_a_pointer_is_verified_as_a_store_is(pointer: Pointer) -> None:
    out = Project().features(CATEGORY)
    assert verify(out).findings == []
    pointer.bucket.delete(["rgb/c/2/0/0"])
    [finding] = verify(out).findings
    assert finding.state == "damaged"
    assert "rgb/c/2/0/0 does not exist" in finding.what


def test_gc_says_what_it_would_delete_and_deletes_nothing(pointer: Pointer, bucket: str) -> None:
    upload_store(bucket, Path("zstd.zarr"), manifest(codec="zstd"), arrays)
    before, other = keys(bucket), Pointer.load(Path("zstd.zarr"))
    done = store("gc", bucket, "--keep-days", "0")
    assert done.stdout.splitlines()[0].startswith(f"would delete: {other.url} (")
    assert done.stdout.splitlines()[1] == "1 store, 0.0 MB; --delete deletes them"
    assert keys(bucket) == before


def test_gc_deletes_what_is_old_and_not_pointed_to(pointer: Pointer, bucket: str) -> None:
    before = keys(bucket)
    upload_store(bucket, Path("zstd.zarr"), manifest(codec="zstd"), arrays)
    with pytest.raises(Stop):
        upload_store(bucket, Path("other.zarr"), manifest(codec="raw"), stop_at(6))
    store("gc", bucket, "--keep-days", "1", "--delete")
    assert len(stores_in(bucket)) == 3
    store("gc", bucket, "--keep-days", "0", "--delete")
    assert keys(bucket) == before
    read_all(Store.open(Project().features(CATEGORY), KIND, CATEGORY))


def test_a_store_is_as_old_as_its_last_object(pointer: Pointer, bucket: str) -> None:
    [one] = stores_in(bucket)
    now = datetime.now(UTC)
    assert unused([one], [], now + timedelta(days=8), 7) == [one]
    assert unused([one], [], now + timedelta(days=6), 7) == []
    assert unused([one], [pointer.url], now + timedelta(days=8), 7) == []


def test_a_store_that_is_gone_names_the_command(pointer: Pointer) -> None:
    pointer.bucket.delete([one.key for one in pointer.bucket.entries()])
    with pytest.raises(CacheError, match=r"gone from the bucket; `dvc repro --force") as caught:
        Store.open(Project().features(CATEGORY), KIND, CATEGORY)
    assert AGAIN in str(caught.value)
