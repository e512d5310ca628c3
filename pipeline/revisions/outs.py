"""Files of DVC's outs as a commit had them, read from DVC's cache by the hashes in dvc.lock."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..params.dag import LOCK_FILE
from ..params.presets.overlay import load_yaml
from ..plumbing.documents import LARGE, DocumentError, parse_json, read_bytes
from ..plumbing.errors import CacheError, ConfigError
from ..seals.seal import NOT_THERE

_REMEDY = "delete it, then run `dvc fetch` or `dvc repro`"

Cached = Callable[[str], Path]  # the file of DVC's cache that has a hash


@dataclass(frozen=True)
class Outs:
    """The outs of a commit, or of the workspace.

    Attributes:
        lock: text of dvc.lock.
        cached: where DVC's cache keeps what has a hash; the file need not be there.
    """

    lock: str
    cached: Cached

    def read(self, stage: str, out: str, file: str = "") -> bytes | None:
        """The content of an out, or of a file in an out that is a folder.

        Args:
            stage: as dvc.lock names it, such as `vote@rope`.
            out: path of the out.
            file: path inside the out; empty: the out is a file itself.

        Returns:
            None where the lock has no such out, or DVC's cache does not hold it.

        Raises:
            CacheError: what the cache holds is damaged.
        """
        found = self.hash_of(stage, out)
        if found is not None and file:
            found = self._listed(found).get(file)
        return None if found is None else _content(self.cached(found), found)

    def files(self, stage: str, out: str) -> dict[str, Path]:
        """The files of the cache that an out's folder is made of, by their path inside it."""
        found = self.hash_of(stage, out)
        return {} if found is None else {k: self.cached(v) for k, v in self._listed(found).items()}

    def hash_of(self, stage: str, out: str) -> str | None:
        """The hash of an out; None where the lock has none."""
        for entry in _section(self.lock, stage).get("outs", []):
            if entry["path"] == out:
                return entry.get("md5")
        return None

    def _listed(self, folder: str) -> dict[str, str]:
        """The hash of each file of a folder, from the list that DVC's cache keeps of it."""
        file = self.cached(folder)
        content = _content(file, folder)
        try:
            listed = parse_json(content.decode()) if content else []
            return {str(entry["relpath"]): str(entry["md5"]) for entry in listed}
        except (ValueError, TypeError, KeyError):
            raise CacheError(f"{file}, in DVC's cache, is no list of files; {_REMEDY}") from None


def _section(lock: str, stage: str) -> dict[str, Any]:
    """The entry of a stage; the whole file would take YAML a quarter of a second."""
    heads = list(re.finditer(r"^  (\S.*):$", lock, flags=re.M))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        if _unquoted(head[1]) == stage:
            text = lock[head.start() : following.start() if following else None]
            section: dict[str, Any] = load_yaml(text, LOCK_FILE)
            return next(iter(section.values()))
    return {}


def _unquoted(name: str) -> str:
    return str(load_yaml(name, LOCK_FILE)) if name[0] in "\"'" else name


def _content(file: Path, md5: str) -> bytes | None:
    """The bytes that DVC's cache keeps under a hash; CacheError where they are others."""
    try:
        content = read_bytes(file, LARGE)
    except NOT_THERE:
        return None
    except DocumentError as error:
        raise CacheError(f"{file}, in DVC's cache, {error}; {_REMEDY}") from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
        raise CacheError(f"{file}, in DVC's cache, is damaged: {_REMEDY}")
    return content


def results_in(content: bytes | str, name: str) -> dict[str, Any]:
    """The content of a JSON file that a commit holds, such as its results.

    Raises:
        ConfigError: it is no JSON object of finite numbers; the message names it.
    """
    try:
        found = parse_json(content if isinstance(content, str) else content.decode())
    except ValueError as error:
        raise ConfigError(f"{name} {error}: run its pipeline again") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{name} holds no results: run its pipeline again")
    return found


@cache
def cache_of_project() -> Cached:
    """Where the cache of the project in this folder keeps things, as DVC's settings say."""
    from dvc.repo import Repo  # takes a quarter of a second

    with Repo() as repo:
        objects = repo.cache.local
        return lambda md5: Path(objects.oid_to_path(md5))
