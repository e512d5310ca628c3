"""Makes hostile files out of good ones: of bytes, of text and of values in JSON and YAML."""

import json
import random
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

NUMBERS = (  # as text, in the place of a number
    *("0", "-1", "1e999", "-1e999", "nan", "inf", "1e-45", "3e38", "0x10", "1_0", "٣"),
    *(str(2**31), str(2**32 - 1), str(2**63), str(-(2**63)), "9" * 400, "9" * 5000),
)
VALUES: tuple[Any, ...] = (  # in the place of a value of JSON or YAML
    *(None, True, "", "x", "NaN", [], {}, [[]], {"a": 1}, 0, -1, 0.0, 1e308, 1e-320),
    *(float("nan"), float("inf"), 2**31, 2**64, 10**400, "\u0000", "../../secret", "/dev/zero"),
    *(["x"] * 1000, "9" * 5000, [1e38] * 3, "=1+1", "\ud800", [None], -5, 10**6),
)


def bytes_of(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """The content after one to four changes, each chosen by chance."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        content = rng.choice(CHANGES)(rng, content, others)
    return content


def _flip(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    made = bytearray(content or b"\0")
    for _n in range(rng.choice((1, 1, 8, 64))):
        bit = rng.randrange(8 * len(made))
        made[bit // 8] ^= 1 << bit % 8
    return bytes(made)


def _flip_head(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    head = content[:512]
    return _flip(rng, head, []) + content[512:]


def _cut(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _drop(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at + rng.choice((1, 2, 7, 100)) :]


def _repeat(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    piece = content[at : at + rng.choice((1, 4, 100, 5000))]
    return content[:at] + piece * rng.choice((2, 3, 50)) + content[at:]


def _insert(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    at = rng.randrange(len(content) + 1)
    piece = rng.choice((b"\0" * 16, b"\xff" * 8, b"\r\n", b"\n" * 999, b"\x80", rng.randbytes(32)))
    return content[:at] + piece + content[at:]


def _splice(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    other = rng.choice(others) if others else b""
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other) + 1) :]


def _word(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """Two or four bytes at any place become an extreme number."""
    made, size = bytearray(content), rng.choice((2, 4, 8))
    if len(made) <= size:
        return content
    at = rng.randrange(min(len(made) - size, rng.choice((64, 512, len(made)))) or 1)
    made[at : at + size] = rng.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * size
    return bytes(made)


def _number(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """A number that is written as text becomes another."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content[:4096]))
    if not found:
        return content
    one = rng.choice(found)
    return content[: one.start()] + rng.choice(NUMBERS).encode() + content[one.end() :]


def _line(rng: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """A line of a text header goes, or comes twice."""
    lines = content.split(b"\n")
    at = rng.randrange(min(len(lines), 40))
    return b"\n".join(lines[:at] + lines[at : at + 1] * rng.choice((0, 2)) + lines[at + 1 :])


CHANGES = (_flip, _flip_head, _cut, _drop, _repeat, _insert, _splice, _word, _number, _line)


def value_of(rng: random.Random, content: Any) -> Any:
    """A copy of JSON values with one to three changes: other values, keys gone or added."""
    made = json.loads(json.dumps(content))
    for _ in range(rng.choice((1, 1, 1, 3))):
        places = list(_places(made))
        if not places:
            return deepcopy(rng.choice(VALUES))
        holder, key = rng.choice(places)
        action = rng.random()
        if action < 0.75:
            holder[key] = _near(rng, holder[key]) if action < 0.25 else deepcopy(rng.choice(VALUES))
        elif action < 0.9:
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(("x", "", "__class__", str(key) + " ", "a.b"))] = deepcopy(
                rng.choice(VALUES)
            )
    return made


def _near(rng: random.Random, value: Any) -> Any:
    """A value of the same kind that is out of proportion."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return [value]
    return value * rng.choice((-1, 0, 1000, 10**7, 1e-9, 1.5))


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    pairs = list(content.items()) if isinstance(content, dict) else []
    pairs += list(enumerate(content)) if isinstance(content, list) else []
    for key, value in pairs:
        yield content, key
        yield from _places(value)


def yaml_bomb(rng: random.Random) -> bytes:
    """Aliases that multiply, nesting without end, or a key of no kind."""
    depth = rng.choice((20, 300, 20_000))
    names = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]" for i in range(12)]
    return rng.choice(
        (
            "\n".join(names).encode(),
            b"[" * depth,
            b"a: " + b"{b: " * depth,
            b"&a [*a]",
            b"? [x]\n: y\n",
            b"!!python/object/apply:os.system [touch executed]\n",
            b"a: !!int " + b"9" * 5000,
            b"a: \x00\n",
            b"\xff\xfea\x00",
            b"- " * depth,
        )
    )
