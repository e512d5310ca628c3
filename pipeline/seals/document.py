"""An out that is one JSON file holds its seal itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..plumbing.documents import dump_json, parse_json, read_bytes
from ..plumbing.errors import CacheError
from ..plumbing.files import write_whole
from .seal import MOST_BYTES, NOT_THERE, Mark, Seal, remedy
from .sealed import Inputs, Sealed

_CONTENT, _SEAL = "content", "seal"


def write_document(path: Path, kind: str, made_from: Inputs, content: Mapping[str, Any]) -> None:
    """Write what was made from some outs of a category, sealed, into a JSON file."""
    mark = Mark.of(_text(content).encode())
    seal = Seal(kind, made_from.category, made_from.digests, {path.name: mark})
    write_whole(path, _whole(seal, content))


def read_document(path: Path, kind: str, category: str) -> tuple[Sealed, Any]:
    """What `write_document` wrote, and its seal.

    Raises:
        CacheError: the file is missing, damaged, or is of another kind or category.
        OSError: the system does not let us read it.
    """
    try:
        text = read_bytes(path, MOST_BYTES)
        found = parse_json(text.decode())
        content = found[_CONTENT]
        seal = Seal.parse(dump_json(found[_SEAL], indent=1).encode() + b"\n")
        mark = Mark.of(_text(content).encode())
        whole = seal.files == {path.name: mark} and _whole(seal, content).encode() == text
    except FileNotFoundError:
        raise CacheError(f"{path} does not exist; `dvc repro` makes it") from None
    except (*NOT_THERE, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CacheError(
            f"{path} is damaged or of an older release ({reason}); {remedy(path)}"
        ) from None
    if not whole:
        raise CacheError(f"{path} is damaged (it is not as it was written); {remedy(path)}")
    if (seal.kind, seal.category) != (kind, category):
        raise CacheError(
            f"{path}: it holds {seal.kind} of {seal.category}, expected {kind} of {category}; it "
            f"was put under another's name: {remedy(path)}"
        )
    return Sealed(path, seal), content


def _whole(seal: Seal, content: Mapping[str, Any]) -> str:
    return (
        dump_json({_CONTENT: content, _SEAL: parse_json(seal.to_bytes().decode())}, indent=1) + "\n"
    )


def _text(content: Mapping[str, Any]) -> str:
    return dump_json(content, indent=1)
