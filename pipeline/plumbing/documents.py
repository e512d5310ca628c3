"""Reads small documents, JSON and YAML, safely: what they cost is known before it is spent.

Only regular files are opened, none that is larger than its kind can be, and what is parsed holds
numbers of a sane length, at a sane depth. A document that does not keep to this raises
`DocumentError`, a ValueError of one sentence part, such as "is nested over 64 deep".
"""

import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import accumulate
from pathlib import Path
from typing import Any

SMALL = 1 << 20  # bytes: what people write, and bundle.json and voting.json
LARGE = 1 << 28  # bytes: what has a row for each scan
MAX_DEPTH = 64  # levels of lists and mappings; ours have less than ten
MAX_NODES = 100_000  # of a YAML document, aliases followed: the largest dvc.lock has a tenth
MAX_DIGITS = 40  # of an integer

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ANCHOR = re.compile(r"(?:^|[\s\[{,:-])&\S", re.MULTILINE)


class DocumentError(ValueError):
    """What is wrong with a document, as the end of a sentence that names its file."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes, and nothing that could block or never end.

    Raises:
        OSError: it is not there, cannot be opened, or is a folder, FIFO, device or socket.
    """
    _check_regular(path, path.stat().st_mode)  # merely opening a device can have an effect
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_regular(path, os.fstat(handle).st_mode)  # it may be another one by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"it is {kind}, not a regular file", str(path))


def read_bytes(path: Path, limit: int = SMALL) -> bytes:
    """The bytes of a regular file.

    Raises:
        DocumentError: it has more than `limit`.
        OSError: see `open_regular`.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise DocumentError(f"is over {limit} bytes, more than such a file can have")
    return content


def read_text(path: Path, limit: int = SMALL) -> str:
    """The text (UTF-8) of a regular file, line ends as they are; raises as `read_bytes`."""
    content = read_bytes(path, limit)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"is no text in UTF-8: {error}") from None


def read_lines(path: Path, limit: int = SMALL) -> Iterator[bytes]:
    """The lines of a regular file, each with its end, of which the last may have none.

    Raises:
        DocumentError: a line has more bytes than `limit`; the file may have any number.
        OSError: see `open_regular`.
    """
    with open_regular(path) as file:
        while line := file.readline(limit + 1):
            if len(line) > limit:
                raise DocumentError(f"has a line of over {limit} bytes")
            yield line


def read_json(path: Path, limit: int = SMALL) -> Any:
    """The content of a JSON file; raises as `read_bytes` and `parse_json`."""
    return parse_json(read_text(path, limit))


def parse_json(text: str, finite: bool = True) -> Any:
    """The content of a JSON text.

    Args:
        finite: refuse NaN, Infinity and 1e999; else whoever takes the content does, by their keys.

    Raises:
        DocumentError: no JSON, a number that is not finite or has over `MAX_DIGITS` digits, or
            nested deeper than Python can follow.
    """
    numbers: dict[str, Any] = {"parse_int": _integer}
    numbers |= {"parse_constant": _constant, "parse_float": _float} if finite else {}
    try:
        return json.loads(text, **numbers)
    except DocumentError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise DocumentError(f"is not valid JSON: {error}") from None


def dump_json(content: Any, **options: Any) -> str:
    """The JSON text of what we write; a number that is not finite is a ValueError, never NaN."""
    return json.dumps(content, allow_nan=False, **options)


def write_json(path: Path, content: Any) -> None:
    """Write what `dump_json` gives, a value on each line and a line's end, piece by piece."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.JSONEncoder(allow_nan=False, indent=1).iterencode(content))
        file.write("\n")


def parse_yaml(text: str) -> Any:
    """The content of a YAML 1.2 text, so that 1e-05 is a number.

    Raises:
        DocumentError: no YAML, nested over `MAX_DEPTH` deep, over `MAX_NODES` values, aliases
            followed, or an integer of over `MAX_DIGITS` digits. YAML's .nan and .inf pass, which
            whoever takes the content refuses by their keys.
    """
    from ruamel.yaml import YAML, YAMLError

    check_yaml(text)
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        raise _too_deep() from None
    except (YAMLError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise _not_yaml(error) from None
    _check_tree(content)
    return content


def check_yaml(text: str) -> None:
    """Refuse aliases that multiply and brackets without end, before loading pays for them.

    A text that has neither is not looked at: parsing takes as long as loading.

    Raises:
        DocumentError: over `MAX_NODES` values, aliases followed, or nested over `MAX_DEPTH` deep.
    """
    from ruamel.yaml import YAML, YAMLError
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

    if not _ANCHOR.search(text) and _brackets(text) <= MAX_DEPTH:
        return
    sizes: dict[str, int] = {}  # nodes behind each anchor, aliases followed
    begun: list[tuple[str | None, int]] = []  # collections that are open: anchor, nodes before
    nodes = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if isinstance(event, AliasEvent):
                nodes += sizes.get(event.anchor, MAX_NODES)  # unknown: within itself
            elif isinstance(event, NodeEvent):
                nodes += 1
                if isinstance(event, CollectionStartEvent):
                    begun.append((event.anchor, nodes - 1))
                elif event.anchor:
                    sizes[event.anchor] = 1
            elif isinstance(event, CollectionEndEvent):
                anchor, before = begun.pop()
                if anchor:
                    sizes[anchor] = nodes - before
            if nodes >= MAX_NODES:
                raise _too_many()
            if len(begun) > MAX_DEPTH:
                raise _too_deep()
    except RecursionError:
        raise _too_deep() from None
    except YAMLError as error:
        raise _not_yaml(error) from None


def _brackets(text: str) -> int:
    """How deep brackets nest at most, where those in strings count as well."""
    steps = (1 if sign in "[{" else -1 for sign in re.findall(r"[\[\]{}]", text))
    return max(accumulate(steps), default=0)


def _not_yaml(error: Exception) -> DocumentError:
    """The refusal of a text that ruamel gave up on."""
    if "int_max_str_digits" in str(error):
        return DocumentError(f"holds an integer of over {MAX_DIGITS} digits")
    return DocumentError(f"is not valid YAML: {' '.join(str(error).split())[:300]}")


def _constant(name: str) -> float:
    raise DocumentError(f"holds {name}, which is no finite number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise DocumentError(f"holds {text[:20]}, which is no finite number")
    return number


def _integer(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_DIGITS:
        raise DocumentError(f"holds an integer of {digits} digits, over {MAX_DIGITS}")
    return int(text)


def _check_tree(content: Any) -> None:
    """Refuse a tree that is too deep, has too many nodes, or numbers that are no use."""
    level, nodes, depth = [content], 0, 0
    while level:
        nodes += len(level)
        depth += 1
        if nodes > MAX_NODES:
            raise _too_many()
        if depth > MAX_DEPTH + 1:
            raise _too_deep()
        below: list[Any] = []
        for value in level:
            _check_number(value)
            if isinstance(value, Mapping):
                below += (*value.keys(), *value.values())
            elif isinstance(value, list | tuple | set):
                below += value
        level = below


def _check_number(value: Any) -> None:
    if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise DocumentError(f"holds an integer of over {MAX_DIGITS} digits")


def _too_deep() -> DocumentError:
    return DocumentError(f"is nested too deep, over {MAX_DEPTH} levels")


def _too_many() -> DocumentError:
    return DocumentError(f"holds over {MAX_NODES} values once its aliases are followed")
