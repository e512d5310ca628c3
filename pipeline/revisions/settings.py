"""How the params of the workspace or of an experiment differ from those of a commit."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.presets.overlay import load_yaml
from ..params.schema import PARAMS_FILE, read_text
from ..plumbing.documents import dump_json
from ..plumbing.logs import LOGGER
from .git import file_at

BASELINE = "DVC_EXP_BASELINE_REV"  # DVC tells a stage of an experiment the commit it starts from
_SHORT = 7  # characters of a commit in messages
_NAMED = re.compile(r"^[+~]*(?:[^:=]*:)?([\w.]+)")  # the key in +FILE:KEY=VALUE


@dataclass(frozen=True)
class Difference:
    """A key of params.yaml with two values; None stands for null and for a key that is missing."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Such as `model.lr = 0.001 (not 0.003)`."""
        return f"{self.key} = {self.text(self.after)} (not {self.text(self.before)})"

    @staticmethod
    def text(value: Any) -> str:
        """A value on one line: a word as it is, all else as JSON."""
        return value if isinstance(value, str) else dump_json(value, ensure_ascii=False)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The leaves that differ between the contents of two params files, without `runtime`."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    keys = [key for key in {**old, **new} if not key.startswith("runtime.")]
    pairs = ((key, old.get(key), new.get(key)) for key in keys)
    return [Difference(*each) for each in pairs if each[1] != each[2]]


def content_at(commit: str) -> Mapping[str, Any]:
    """The content of a commit's params.yaml; empty if it has none."""
    return _content(file_at(commit, str(PARAMS_FILE)) or "")


def workspace_content() -> Mapping[str, Any]:
    """Raises ConfigError where the folder has no params.yaml, or one that is no YAML."""
    return _content(read_text(PARAMS_FILE))


def warn_of_unnamed() -> None:
    """Warn of params that an experiment has from the workspace, though its `-S` does not name them.

    Only in a stage of `dvc exp run` with `-S`, and where the system shows its command line. A
    queued experiment does not, so nothing is said there.
    """
    commit = os.environ.get(BASELINE)
    named = named_keys(_command_line(os.getppid())) if commit else set()
    if not commit or not named:
        return
    changed = differences(content_at(commit), workspace_content())
    unnamed = [one for one in changed if not is_named(one.key, named)]
    if unnamed:
        LOGGER.warning(
            f"-S names {', '.join(sorted(named))}, but params.yaml differs from commit "
            f"{commit[:_SHORT]} in more: {'; '.join(map(str, unnamed))}. `mentor3ad reset` takes "
            "the commit's params back"
        )


def named_keys(command: Sequence[str]) -> set[str]:
    """The keys that `-S` or `--set-param` name in a command line of DVC."""
    found = set()
    for word, following in zip(command, [*command[1:], ""], strict=True):
        value = following if word in ("-S", "--set-param") else None
        for short in ("-S", "--set-param="):
            if word.startswith(short) and word != short:
                value = word.removeprefix(short)
        if value is not None and (key := _NAMED.match(value)):
            found.add(key[1])
    return found


def is_named(key: str, named: Iterable[str]) -> bool:
    """Whether one of some keys is this one or a section that holds it."""
    return any(f"{key}.".startswith(f"{one}.") for one in named)


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _content(text: str) -> Mapping[str, Any]:
    content = load_yaml(text, PARAMS_FILE)
    return content if isinstance(content, dict) else {}


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
