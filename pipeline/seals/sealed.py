"""Reads the files of an out only as its seal lists them, and outs only where they fit together."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..plumbing.errors import CacheError
from .seal import Mark, Seal, read_regular, read_seal, remedy


@dataclass(frozen=True)
class Sealed:
    """An out with its seal."""

    folder: Path
    seal: Seal

    @classmethod
    def open(cls, folder: Path, kind: str, category: str | None = None) -> Sealed:
        """Read the seal of an out, which must be of a kind and, unless None, of a category.

        Raises:
            CacheError: it is missing, has no seal or a damaged one, or is of others.
        """
        seal = read_seal(folder)
        for what, found, expected in (
            ("kind", seal.kind, kind),
            ("category", seal.category, category),
        ):
            if expected is not None and found != expected:
                raise CacheError(
                    f"{folder}: its {what} is {found!r}, expected {expected!r}; it was put under "
                    f"another's name: {remedy(folder)}"
                )
        return cls(folder, seal)

    def read(self, name: str) -> bytes:
        """The bytes of a file, once they are known to be the sealed ones.

        Raises:
            CacheError: it is missing or damaged, or the seal does not list it.
        """
        mark = self.mark(name)
        try:
            content = read_regular(self.folder / name, mark.size)
        except (OSError, ValueError) as error:
            raise self._refused(name, str(error)) from None
        self._check(name, mark, content)
        return content

    def read_json(self, name: str) -> Any:
        """The content of a JSON file; raises as `read`."""
        try:
            return json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise self._refused(name, f"no JSON: {error}") from None

    def map(self, name: str) -> memoryview:
        """`read` for a large file: its bytes as they are mapped, which are the ones checked."""
        mark = self.mark(name)
        try:
            with (self.folder / name).open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise self._refused(name, str(error)) from None
        view = memoryview(content)
        self._check(name, mark, view)
        return view

    def mark(self, name: str) -> Mark:
        """What a file must be. Raises CacheError where the seal does not list it."""
        try:
            return self.seal.files[name]
        except KeyError:
            raise self._refused(name, "its seal does not list it") from None

    def _check(self, name: str, mark: Mark, content: bytes | memoryview) -> None:
        if len(content) != mark.size or Mark.of(content) != mark:
            raise self._refused(name, "its bytes are not those that were written")

    def _refused(self, name: str, reason: str) -> CacheError:
        return CacheError(
            f"{self.folder / name} is missing or damaged ({reason}); {remedy(self.folder)}"
        )


def check_chain(outs: Iterable[Sealed]) -> dict[str, str]:
    """The digest of each out's seal by its kind, if each was made from the others as they are.

    Outs that are not among them are not asked for.

    Raises:
        CacheError: one was made from another version of one of the others.
    """
    here = {out.seal.kind: out for out in outs}
    for out in here.values():
        for kind, digest in out.seal.made_from.items():
            if kind in here and here[kind].seal.digest != digest:
                raise CacheError(
                    f"{out.folder} was made from another version of {here[kind].folder}; one of "
                    "them is older or newer: run `dvc repro`, and if it changes nothing delete "
                    f"{out.folder} first"
                )
    return {kind: out.seal.digest for kind, out in here.items()}


def open_chain(category: str, outs: Mapping[str, Path]) -> dict[str, str]:
    """`check_chain` of a category's outs, given by their kinds: what a new out is made from.

    Raises:
        CacheError: see `Sealed.open` and `check_chain`.
    """
    return check_chain(Sealed.open(folder, kind, category) for kind, folder in outs.items())
