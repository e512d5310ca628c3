"""Checks one out to the last byte."""

from __future__ import annotations

from pathlib import Path

from ..cache.reader import Store
from ..plumbing.errors import CacheError
from ..seals.document import read_document
from ..seals.seal import SEAL_FILE, mark_file, out_files, read_seal, remedy
from ..seals.sealed import Sealed
from .findings import Report

STORE_FILE = "zarr.json"  # which every store has


def check_out(
    folder: Path, report: Report, kind: str | None = None, category: str | None = None
) -> Sealed | None:
    """Compare every file of an out with its seal, and read every chunk of its stores.

    Args:
        kind, category: that the out must be of; None: whatever its seal says.

    Returns:
        The out, if its seal can be read and is of that kind and category.
    """
    before = len(report.findings)
    report.outs += 1
    with report.noting("damaged" if folder.exists() else "missing", folder):
        seal = read_seal(folder)
    if len(report.findings) > before:
        return None
    with report.noting("foreign", folder):
        Sealed.open(folder, kind or seal.kind, category)
    if len(report.findings) > before:
        return None
    sealed = Sealed(folder, seal)
    if (folder / STORE_FILE).exists() or STORE_FILE in seal.files:
        _check_store(sealed, report)
    else:
        _check_files(sealed, report)
    return sealed


def check_document(path: Path, report: Report, kind: str, category: str) -> Sealed | None:
    """Check an out that is one JSON file; returns it unless something is wrong."""
    report.outs += 1
    report.files += 1
    if not path.exists():
        report.add("missing", f"{path} does not exist; `dvc repro` makes it")
        return None
    with report.noting("damaged", path):
        return read_document(path, kind, category)[0]
    return None


def _check_files(sealed: Sealed, report: Report) -> None:
    folder, listed = sealed.folder, sealed.seal.files
    for name, mark in sorted(listed.items()):
        report.files += 1
        path = folder / name
        with report.noting("damaged", path):
            if not path.is_file():
                report.add("missing", f"{path} is missing; {remedy(folder)}")
            elif mark_file(path) != mark:
                raise CacheError(f"{path} is not as it was written; {remedy(folder)}")
            elif path.name == SEAL_FILE:
                check_out(path.parent, report, category=sealed.seal.category)


def _check_store(sealed: Sealed, report: Report) -> None:
    """Open a store as its readers do, and read all of it: each chunk has a checksum."""
    seal = sealed.seal
    report.files += len(seal.files)
    with report.noting("damaged", sealed.folder):
        store = Store.open(sealed.folder, seal.kind, seal.category)
        for spec in store.manifest.arrays:
            for shard in range(store.manifest.shards):
                with report.noting("damaged", sealed.folder):
                    store.verify_shard(spec.name, shard)


def strangers(sealed: Sealed) -> list[Path]:
    """Files in the folder of an out that its seal does not list; of a pointer, none."""
    if sealed.folder.is_file():
        return []
    files = out_files(sealed.folder)
    return [
        one for one in files if one.relative_to(sealed.folder).as_posix() not in sealed.seal.files
    ]
