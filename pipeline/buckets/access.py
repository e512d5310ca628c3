"""Access to a bucket of S3; the one module that imports obstore, of the extra `s3`.

Endpoint, region and keys come from the environment alone: AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what else obstore reads there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..plumbing.errors import BucketError, ConfigError

SCHEME = "s3://"
ADDRESS = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s][^/\r\n\t]*)*"
URL = re.compile(ADDRESS)
RETRIES, RETRY_SECONDS = 8, 60  # of one request, where the network or the server fails
_PAGE = 1000  # keys that are deleted at once


@dataclass(frozen=True)
class Entry:
    """One object of a bucket, as a list of its keys shows it.

    Attributes:
        key: below the place that was listed.
        size: bytes.
        etag: the server's mark of the content, the quotes included; empty where it gives none.
        modified: when it was written, by the server's clock.
    """

    key: str
    size: int
    etag: str
    modified: datetime


class Bucket:
    """A place in a bucket: all keys below a prefix. `bucket_at` makes it."""

    def __init__(self, url: str, store: Any) -> None:
        self.url = url
        self._store = store

    def read(self, key: str, limit: int | None = None, etag: str | None = None) -> bytes:
        """The bytes of an object.

        Args:
            limit: bytes that it may have; None: any number.
            etag: it must still be the object with this one.

        Raises:
            FileNotFoundError: there is no such object.
            ValueError: it has more bytes, or is another one by now.
            BucketError: the bucket cannot be reached, or refuses.
        """
        import obstore

        options: Any = {"if_match": etag} if etag else {}
        with self._errors("read", key):
            try:
                found = obstore.get(self._store, key, options=options)
                if limit is not None and found.meta["size"] > limit:
                    raise ValueError(f"it has {found.meta['size']} bytes, over {limit}")
                return bytes(found.bytes())
            except obstore.exceptions.PreconditionError:
                raise ValueError("it was replaced since") from None

    def download(self, key: str, target: Path, etag: str | None = None) -> None:
        """Write the bytes of an object into a file, piece by piece; raises as `read`."""
        import obstore

        options: Any = {"if_match": etag} if etag else {}
        with self._errors("read", key), target.open("wb") as file:
            try:
                for piece in obstore.get(self._store, key, options=options).stream():
                    file.write(piece)
            except obstore.exceptions.PreconditionError:
                raise ValueError("it was replaced since") from None

    def has(self, key: str) -> bool:
        """Whether there is an object. Raises BucketError."""
        import obstore

        with self._errors("read", key):
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
            return True

    def create(self, key: str, content: bytes) -> bool:
        """Write an object that is not there yet; False, with nothing written, where it is.

        Of several that create one object at once a single one does.

        Raises:
            BucketError: the bucket cannot be reached, or refuses.
        """
        import obstore

        with self._errors("write", key), self._no_bucket(key):
            try:
                obstore.put(self._store, key, content, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                return False
            return True

    def replace(self, key: str, content: bytes) -> None:
        """Write an object, whatever was there. Raises BucketError."""
        import obstore

        with self._errors("write", key), self._no_bucket(key):
            obstore.put(self._store, key, content, use_multipart=False)

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """Yield all objects below a folder of the place, sorted by key. Raises BucketError."""
        import obstore

        with self._errors("list", folder):
            for page in obstore.list(self._store, folder or None):
                for one in page:
                    etag, when = one["e_tag"] or "", one["last_modified"]
                    yield Entry(one["path"], one["size"], etag, when)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, those of a page at once; one that is not there is none. BucketError."""
        import obstore

        names = list(keys)
        for start in range(0, len(names), _PAGE):
            with self._errors("delete", names[start]):
                obstore.delete(self._store, names[start : start + _PAGE])

    @contextmanager
    def _errors(self, what: str, key: str) -> Iterator[None]:
        """Turn what obstore raises into one sentence."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        place = f"{self.url}/{key}" if key else self.url
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError):
            raise BucketError(
                f"{place}: the keys have no right to {what} it; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY to those of someone who may"
            ) from None
        except (BaseError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise self._missing() from None
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(f"{place} does not exist") from None
            raise BucketError(
                f"{place} cannot be {_DONE[what]} ({_reason(error)}); look at the network, "
                "AWS_ENDPOINT_URL, AWS_REGION and the keys, then run it again"
            ) from None

    @contextmanager
    def _no_bucket(self, key: str) -> Iterator[None]:
        """Writing needs no object: what is not found is the bucket."""
        try:
            yield
        except FileNotFoundError:
            raise self._missing() from None

    def _missing(self) -> BucketError:
        name = self.url.removeprefix(SCHEME).partition("/")[0]
        return BucketError(f"{self.url}: there is no bucket {name}; make it, or mend the address")


_DONE = {"read": "read", "write": "written", "list": "listed", "delete": "deleted"}


@lru_cache(maxsize=256)
def bucket_at(url: str) -> Bucket:
    """The place at an address such as `s3://bucket/prefix`; nothing is asked of it yet.

    Raises:
        ConfigError: the address is none, or the extra `s3` is not installed.
    """
    if not URL.fullmatch(url):
        raise ConfigError(f"{url!r} is no address in a bucket: write s3://BUCKET/PREFIX")
    try:
        from obstore.store import S3Store
    except ModuleNotFoundError:
        raise ConfigError(
            f"{url} needs obstore: install it with `pip install 'mentor3ad[s3]'`"
        ) from None
    name, _, prefix = url.removeprefix(SCHEME).partition("/")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    retries: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    client: Any = {"allow_http": endpoint.startswith("http://"), "timeout": "300s"}
    return Bucket(
        url, S3Store(name, prefix=prefix or None, client_options=client, retry_config=retries)
    )


def _reason(error: Exception) -> str:
    """The end of obstore's first line: what the server or the network said."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return first.rpartition(" - ")[2].strip()[:200]
