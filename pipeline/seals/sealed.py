"""Reads the files of an out only as its seal lists them, and outs only where they fit together."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..buckets.pointer import read_file
from ..plumbing.documents import open_regular, parse_json
from ..plumbing.errors import CacheError
from .mapped import mark_mapped
from .seal import NOT_THERE, Mark, Seal, read_seal, remedy, write_seal


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
            OSError: the system does not let us read it.
        """
        mark = self.mark(name)
        try:
            content = read_file(self.folder, name, mark.size)
        except (*NOT_THERE, ValueError) as error:
            raise self._refused(name, str(error)) from None
        if len(content) != mark.size or Mark.of(content) != mark:
            raise self._other_bytes(name)
        return content

    def read_json(self, name: str) -> Any:
        """The content of a JSON file; raises as `read`."""
        try:
            return parse_json(self.read(name).decode())
        except ValueError as error:
            raise self._refused(name, f"it {error}") from None

    def map(self, name: str) -> memoryview:
        """`read` for a large file: its bytes as they are mapped, which are the ones checked."""
        mark = self.mark(name)
        try:
            with open_regular(self.folder / name) as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (*NOT_THERE, ValueError) as error:  # an empty file cannot be mapped
            raise self._refused(name, str(error)) from None
        view = memoryview(content)
        if len(view) != mark.size or mark_mapped(view) != mark:
            raise self._other_bytes(name)
        return view

    def mark(self, name: str) -> Mark:
        """What a file must be. Raises CacheError where the seal does not list it."""
        try:
            return self.seal.files[name]
        except KeyError:
            raise self._refused(name, "its seal does not list it") from None

    def _other_bytes(self, name: str) -> CacheError:
        return self._refused(name, "its bytes are not those that were written")

    def _refused(self, name: str, reason: str) -> CacheError:
        return CacheError(
            f"{self.folder / name} is missing or damaged ({reason}); {remedy(self.folder)}"
        )


@dataclass(frozen=True)
class Inputs:
    """The outs that a new out of a category is made from: the digests of their seals by kind."""

    category: str
    digests: Mapping[str, str]

    def seal(self, folder: Path, kind: str) -> Seal:
        """Seal an out that was made from them; see `write_seal`."""
        return write_seal(folder, kind, self.category, self.digests)


def open_chain(category: str, outs: Mapping[str, Path]) -> Inputs:
    """Read the seals of a category's outs, given by their kinds, and check that they fit.

    Raises:
        CacheError: see `Sealed.open` and `check_chain`.
    """
    found = [Sealed.open(folder, kind, category) for kind, folder in outs.items()]
    check_chain(found)
    return Inputs(category, {one.seal.kind: one.seal.digest for one in found})


def check_chain(outs: Iterable[Sealed]) -> None:
    """Check that a category's outs were made from each other, and from the same others.

    Outs that are not here, as in a clone that pulled some, are compared by what was made from them.

    Raises:
        CacheError: two of them know another version of one out.
    """
    known: dict[str, tuple[str, Path]] = {}  # digest by kind, and which out says so
    outs = list(outs)
    for out in outs:
        known[out.seal.kind] = (out.seal.digest, out.folder)
    for out in outs:
        for kind, digest in out.seal.made_from.items():
            expected, where = known.setdefault(kind, (digest, out.folder))
            if expected != digest:
                raise CacheError(
                    f"{out.folder} and {where} do not belong together, for they know different "
                    f"versions of {kind}: run `dvc repro`; if it changes nothing, delete both first"
                )
