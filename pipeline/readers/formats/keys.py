"""Small files of keys that a person writes: JSON or YAML, checked key by key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from ...plumbing.documents import DocumentError, parse_json, parse_yaml
from ...plumbing.errors import DataError
from .checks import decoding, read_head

T = TypeVar("T")
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_LONGEST_FILE = 65536  # bytes
_OPENCV_HEADER = re.compile(r"\A%YAML:1\.\d\s*\n")
_LONGEST_KEY = 80  # characters of an unknown key in a message


def read_keys(path: Path, remedy: str) -> dict[str, Any]:
    """The keys of a JSON or YAML file; `remedy` says which to write where it holds none.

    Raises:
        DataError: no such file, not JSON or YAML, over 64 KiB, or no keys.
    """
    content = read_head(path, _LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise DataError(f"{path} is over {_LONGEST_FILE} bytes: write the camera's keys alone.")
    with decoding(path):
        text = content.decode("utf-8-sig")
    try:
        keys = _parse(path, text)
    except DocumentError as error:
        raise DataError(
            f"{path} cannot be read (it {error}): copy it from its source again."
        ) from None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys):
        raise DataError(f"{path} holds no keys: {remedy}.")
    return keys


def build(kind: type[T], path: Path, keys: dict[str, Any], name: str) -> T:
    """An instance of a pydantic dataclass from its keys.

    Raises:
        DataError: a key is unknown or missing, or has a value that `kind` refuses.
    """
    try:
        return kind(**keys)
    except ValidationError as error:
        problems = (
            f"{_key(problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise DataError(f"{path} is no {name}: {'; '.join(problems)}.") from None


def _key(location: tuple[int | str, ...]) -> str:
    return " ".join(".".join(map(str, location)).split())[:_LONGEST_KEY]


def _parse(path: Path, text: str) -> Any:
    if path.suffix.lower() == ".json":
        return parse_json(text, finite=False)  # `build` names the key
    # OpenCV's own header and tag, which are no YAML 1.2.
    return parse_yaml(_OPENCV_HEADER.sub("", text).replace("!!opencv-matrix", ""))
