"""Sets values in the text of a YAML file; every other character stays as it is.

A list gets a line an item and null is left blank, as DVC writes them: so `dvc exp run -S` changes
the lines of its own values alone.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from ...plumbing.documents import DocumentError, parse_yaml
from ...plumbing.errors import ConfigError


@dataclass(frozen=True)
class Change:
    """A key of params.yaml, such as model.lr, and the text of its value before and after."""

    key: str
    before: str
    after: str


def overlay(text: str, values: Mapping[str, str], path: Path) -> tuple[str, list[Change]]:
    """Set some keys of a YAML file.

    A round trip through ruamel's dumper would move comments when a value before them changes its
    length. So ruamel only tells where each value is, and the text of those that differ is replaced.

    Args:
        values: YAML text of each key's value, on one line.
        path: where the text is from, for messages.

    Returns:
        The new text and what changed, in the order of `values`.

    Raises:
        ConfigError: not YAML, a key is not there, or it cannot be set in place.
    """
    places, expected = value_places(text, path), load_yaml(text, path)
    changes: list[Change] = []
    edits: list[Edit] = []
    for key, after in values.items():
        if key not in places:
            raise ConfigError(
                f"{path}: {key} is missing; the file is of another version: run `mentor3ad sync`, "
                "or in a checkout take the shipped one (git checkout) and set your values again"
            )
        value = load_yaml(after, path)
        if not _same(_get(expected, key), value):
            old = _get(expected, key)
            before = _in_brackets(list(old)) if isinstance(old, list) else places[key].text
            changes.append(Change(key, before or "null", after))
            edits += places[key].edits(after, value, text)
            _set(expected, key, value)
    for start, stop, after in sorted(edits, reverse=True):
        text = text[:start] + after + text[stop:]
    if not _holds(text, expected, path):
        raise ConfigError(
            f"{path}: {', '.join(change.key for change in changes)} cannot be set in place; write "
            "those values without anchors and aliases, one key a line"
        )
    return text, changes


@dataclass(frozen=True)
class Place:
    """Where a value stands in a text: on the line of its key, or on lines below it."""

    text: str  # of the value; empty if the key has none
    start: int
    stop: int
    colon: int  # position just behind the key's colon
    column: int  # of the key
    below: bool

    def edits(self, after: str, value: Any, text: str) -> "list[Edit]":
        """The edits that put another value there; a comment behind the colon stays.

        Args:
            after, value: the value's text on one line, and what it means.
            text: of the whole file.
        """
        in_line = not self.below
        kept_in_line = in_line and self.text[:1] == "[" and self.text.strip("[ ]")
        if isinstance(value, list) and value and not kept_in_line:
            end = self.stop if self.below and self.text else _line_end(text, self.colon)
            start = self.start if self.below and self.text else end
            emptied = [(self.colon, self.stop, "")] if in_line else []
            return [*emptied, (start, end, self._lines(value, text))]
        if value is None and in_line:
            return [(self.colon, self.stop, "")]
        if in_line:
            return [(self.start, self.stop, after)]
        put = (self.colon, self.colon, "" if value is None else f" {after}")
        return [put, (self.start, self.stop, "")] if self.text else [put]

    def _lines(self, value: list[Any], text: str) -> str:
        """The items, each on a line of its own below the key."""
        end = "\r\n" if "\r\n" in text else "\n"
        lines = as_dvc_writes(value).split("\n")
        return "".join(f"{end}{' ' * self.column}{line}" for line in lines)


Edit = tuple[int, int, str]  # start, stop, and what replaces the characters between


def value_places(text: str, path: Path) -> dict[str, Place]:
    """Where the value of each leaf key is in a YAML text."""
    load_yaml(text, path)  # which says what must not be composed
    root = YAML(pure=True).compose(text)
    if not isinstance(root, MappingNode):
        raise ConfigError(f"{path} holds no keys; take the shipped file")
    return _places(text, root, "")


def load_yaml(text: str, path: Path) -> Any:
    """The content of a YAML 1.2 text; ConfigError where it is none."""
    try:
        return parse_yaml(text)
    except DocumentError as error:
        raise ConfigError(f"{path} {error}") from None


def as_dvc_writes(value: Any) -> str:
    """The YAML text of a value that is no mapping; a list has a line for each item."""
    yaml, text = YAML(), io.StringIO()
    yaml.default_flow_style = False
    yaml.width = 100_000
    yaml.dump({"key": value}, text)
    return text.getvalue().removeprefix("key:").strip()


def _in_brackets(value: list[Any]) -> str:
    yaml, line = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width = True, 100_000
    yaml.dump(value, line)
    return line.getvalue().strip()


def _line_end(text: str, position: int) -> int:
    """Where the line of a position ends, before its line end."""
    end = text.find("\n", position)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1] == "\r" else end


def _holds(text: str, expected: Any, path: Path) -> bool:
    try:
        return bool(load_yaml(text, path) == expected)
    except ConfigError:
        return False


def _places(text: str, mapping: MappingNode, prefix: str) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for key, value in mapping.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, MappingNode):
            places |= _places(text, value, f"{name}.")
        else:
            places[name] = _place(text, key, value)
    return places


def _place(text: str, key: Node, value: Node) -> Place:
    start, stop = value.start_mark.index, _end(value)
    content = text[start:stop]
    colon = text.index(":", key.end_mark.index) + 1
    below = not content or value.start_mark.line > key.end_mark.line
    if below and content:  # the line end before its first line goes too
        start = len(text[: text.rindex("\n", 0, start)].removesuffix("\r"))
    return Place(content, start, stop, colon, key.start_mark.column, below)


def _end(node: Node) -> int:
    """Where a value ends; ruamel itself counts comments that follow a block list as part of it."""
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one type, so that `1` is not `true`."""
    return bool(one == other) and type(one) is type(other)


def _get(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content[part]
    return content


def _set(content: Any, key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        content = content[parent]
    content[last] = value
