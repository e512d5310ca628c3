"""Putting values into the text of a YAML file; every other character stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Change:
    """A key of params.yaml, such as model.lr, and the text of its value before and after."""

    key: str
    before: str
    after: str


def overlay(text: str, values: Mapping[str, str], path: Path) -> tuple[str, list[Change]]:
    """Set some keys of a YAML file.

    A round trip through ruamel's dumper would move comments when a value before them changes its
    length. So ruamel tells where each value is, and only the text of those that differ is replaced.

    Args:
        values: YAML text of each key's value, on one line.
        path: where the text is from, for messages.

    Returns:
        The new text and what changed, in the order of `values`.

    Raises:
        ConfigError: not YAML, a key is not there, or it cannot be set in place.
    """
    spans, before = value_spans(text, path), load_yaml(text, path)
    changes, edits = [], []
    for key, after in values.items():
        if key not in spans:
            raise ConfigError(
                f"{path}: {key} is missing; the file is of another version: take the shipped one "
                "(git checkout) and set your values again"
            )
        value = load_yaml(after, path)
        if not _same(_get(before, key), value):
            changes.append(Change(key, text[spans[key]] or "null", after))
            edits.append((spans[key], after))
            _set(before, key, value)
    for span, after in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        space = " " if text[: span.start].endswith(":") else ""
        text = text[: span.start] + space + after + text[span.stop :]
    if load_yaml(text, path) != before:
        raise ConfigError(
            f"{path}: {', '.join(change.key for change in changes)} cannot be set in place; write "
            "those values without anchors and aliases, one key a line"
        )
    return text, changes


def value_spans(text: str, path: Path) -> dict[str, slice]:
    """Where the value of each leaf key is in a YAML text."""
    try:
        root = YAML(pure=True).compose(text)
    except YAMLError as error:
        raise _not_yaml(path, error) from error
    if not isinstance(root, MappingNode):
        raise ConfigError(f"{path} holds no keys; take the shipped file")
    return _spans(root, "")


def load_yaml(text: str, path: Path) -> Any:
    """The content of a YAML 1.2 text; ConfigError where it is none."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise _not_yaml(path, error) from error


def _not_yaml(path: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}")


def _spans(mapping: MappingNode, prefix: str) -> dict[str, slice]:
    spans: dict[str, slice] = {}
    for key, value in mapping.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, MappingNode):
            spans |= _spans(value, f"{name}.")
        else:
            spans[name] = slice(value.start_mark.index, _end(value))
    return spans


def _end(node: Node) -> int:
    """Where a value ends: ruamel lets a block list run on over the comments that follow it."""
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _same(one: Any, other: Any) -> bool:
    """Equal, and no `1` for `true`."""
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
