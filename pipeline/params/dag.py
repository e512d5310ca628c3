"""dvc.yaml, read in one place: what each stage runs, what it depends on and what it makes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..plumbing.errors import ConfigError
from .presets.overlay import load_yaml
from .schema import read_text

DAG_FILE = Path("dvc.yaml")
LOCK_FILE = Path("dvc.lock")

Options = Mapping[str, Any]  # of an out, such as {"cache": False}

_TEMPLATE = re.compile(r"\$\{((?!item\b)[\w.]+)\}")


@dataclass(frozen=True)
class ParamKeys:
    """ParamKeys of params.yaml, of which a section stands for all that is in it."""

    listed: frozenset[str] = frozenset()

    def __contains__(self, key: object) -> bool:
        return any(f"{key}.".startswith(f"{one}.") for one in self.listed)

    def __or__(self, other: "ParamKeys") -> "ParamKeys":
        return ParamKeys(self.listed | other.listed)


@dataclass(frozen=True)
class Stage:
    """One stage as it is written, its templates not filled in.

    Attributes:
        cmd: the command.
        deps: files and folders that it depends on.
        params: keys of params.yaml that it lists.
        templates: keys of params.yaml whose values stand in it, such as `data.root`.
        outs, metrics: files and folders that it makes, each with DVC's options.
        settings: all else that is written of it, by name: `matrix` and the like.
    """

    cmd: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    templates: frozenset[str]
    outs: Mapping[str, Options]
    metrics: Mapping[str, Options]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Stage":
        """Takes the content of a stage in dvc.yaml."""
        read = ("cmd", "deps", "params", "outs", "metrics")
        return cls(
            cmd=str(content.get("cmd", "")),
            deps=tuple(map(str, content.get("deps", []))),
            params=tuple(map(str, content.get("params", []))),
            templates=frozenset(_TEMPLATE.findall(str(content))),
            outs=_with_options(content.get("outs", [])),
            metrics=_with_options(content.get("metrics", [])),
            settings={name: value for name, value in content.items() if name not in read},
        )

    @property
    def reads(self) -> "ParamKeys":
        """Every key of params.yaml on which it depends."""
        return ParamKeys(self.templates.union(self.params))


def load_dag(path: Path = DAG_FILE) -> dict[str, Stage]:
    """The stages by name, in the file's order.

    Raises:
        ConfigError: the file is missing or has no stages.
    """
    content = load_yaml(read_text(path), path)
    if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
        raise ConfigError(f"{path} has no stages; take the shipped one (git checkout {path})")
    return {name: Stage.of(stage) for name, stage in content["stages"].items()}


def _with_options(entries: list[Any]) -> dict[str, Options]:
    """An entry is a path, or a path with options."""
    pairs = [entry if isinstance(entry, dict) else {entry: {}} for entry in entries]
    return {str(path): options or {} for pair in pairs for path, options in pair.items()}
