"""What dvc.yaml says of the stages: which params and code they depend on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.presets.overlay import load_yaml
from ..params.schema import read_text
from ..plumbing.errors import ConfigError
from ..report.best import FILE as BEST_FILE

DAG_FILE = Path("dvc.yaml")
EXTRACTION = ("generate", "prepare", "extract")
TRAINING = ("train_mfm", "train_mgm", "score")  # beside extraction, what takes more than seconds

_TEMPLATE = re.compile(r"\$\{((?!item\b)[\w.]+)\}")


@dataclass(frozen=True)
class Dag:
    """Params and file dependencies by stage."""

    params: Mapping[str, frozenset[str]]  # listed, or a template in the stage
    code: frozenset[str]  # dependencies that are files or folders in git, but no results

    @classmethod
    def load(cls, path: Path = DAG_FILE) -> "Dag":
        """Raises ConfigError where the file is missing or no DAG."""
        content = load_yaml(read_text(path), path)
        if not isinstance(content, dict) or not isinstance(content.get("stages"), dict):
            raise ConfigError(f"{path} has no stages; take the shipped one (git checkout {path})")
        stages = content["stages"]
        code = {str(dep) for stage in stages.values() for dep in stage.get("deps", [])}
        return cls(
            params={name: frozenset(_params(stage)) for name, stage in stages.items()},
            code=frozenset(dep for dep in code if "$" not in dep and dep != str(BEST_FILE)),
        )

    def reaching(self, *stages: str) -> frozenset[str]:
        """The params that any of some stages depends on directly."""
        return frozenset().union(*(self.params.get(stage, frozenset()) for stage in stages))


def _params(stage: dict[str, Any]) -> set[str]:
    return {str(name) for name in stage.get("params", [])} | set(_TEMPLATE.findall(str(stage)))
