"""Buckets: what is there is told from what is not, and every refusal is one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from mentor3ad.buckets import access
from mentor3ad.buckets.access import bucket_at
from mentor3ad.plumbing.errors import BucketError, ConfigError
from tests.paths import ROOT

KEY = "bis cuit/ü +(1)/%20#?.png"


def test_an_object_is_written_once(bucket: str) -> None:
    place = bucket_at(f"{bucket}/a/b")
    assert not place.has(KEY)
    assert place.create(KEY, b"first")
    assert not place.create(KEY, b"second")
    assert place.has(KEY)
    assert place.read(KEY) == b"first"
    place.replace(KEY, b"third")
    assert place.read(KEY) == b"third"


def test_entries_are_those_below_the_prefix(bucket: str) -> None:
    place = bucket_at(bucket)
    for key in ("a/x", "a/b/2", "a/b/1", "ab/3"):
        place.replace(key, key.encode())
    assert [(one.key, one.size) for one in bucket_at(f"{bucket}/a/b").entries()] == [
        ("1", 5),
        ("2", 5),
    ]
    place.delete(one.key for one in place.entries())
    assert list(place.entries()) == []


def test_an_object_that_was_replaced_is_not_the_listed_one(bucket: str, tmp_path: Path) -> None:
    place = bucket_at(bucket)
    place.replace("key", b"old")
    [entry] = place.entries()
    assert place.read("key", etag=entry.etag) == b"old"
    place.replace("key", b"new")
    with pytest.raises(ValueError, match="replaced since"):
        place.read("key", etag=entry.etag)
    with pytest.raises(ValueError, match="replaced since"):
        place.download("key", tmp_path / "key", entry.etag)


def test_more_bytes_than_there_may_be_are_not_taken(bucket: str) -> None:
    bucket_at(bucket).replace("key", bytes(10))
    with pytest.raises(ValueError, match="10 bytes, over 9"):
        bucket_at(bucket).read("key", 9)


def test_what_is_not_there(bucket: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{bucket}/key does not exist"):
        bucket_at(bucket).read("key")


def test_a_bucket_that_is_not_there(s3: object) -> None:
    place = bucket_at("s3://no-such-bucket/a")
    for use in (
        lambda: place.read("key"),
        lambda: place.create("key", b""),
        lambda: list(place.entries()),
    ):
        with pytest.raises(BucketError, match="there is no bucket no-such-bucket; make it, or"):
            use()


def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setattr(access, "RETRIES", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(BucketError) as caught:
        bucket_at("s3://unreachable").read("key")
    message = str(caught.value)
    assert message.startswith("s3://unreachable/key cannot be read (HTTP error")
    assert "AWS_ENDPOINT_URL" in message
    assert "\n" not in message


@pytest.mark.parametrize("url", ["s3://", "s3://a", "bucket/key", "s3://bucket//a", "s3://B/x", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError, match="no address in a bucket"):
        bucket_at(url)


def test_without_the_extra_the_sentence_names_it() -> None:
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from mentor3ad.plumbing.errors import one_sentence\n"
        "from mentor3ad.buckets.access import bucket_at\n"
        "with one_sentence(): bucket_at('s3://bucket/a')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "error: s3://bucket/a needs obstore: install it with `pip install 'mentor3ad[s3]'`\n"
    )


def test_nobody_imports_obstore_who_uses_no_bucket() -> None:
    code = "import sys, stages.extract, mentor3ad.cli.main; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
