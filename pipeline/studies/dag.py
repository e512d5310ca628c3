"""Which params and which code the stages depend on, as dvc.yaml says."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path

from ..params.dag import DAG_FILE, ParamKeys, load_dag
from ..report.best import FILE as BEST_FILE

EXTRACTION = ("generate", "prepare", "extract")
TRAINING = ("train_mfm", "train_mgm", "score")  # beside extraction, what takes more than seconds


@dataclass(frozen=True)
class Dag:
    """Params and file dependencies by stage."""

    params: Mapping[str, ParamKeys]  # listed, or a template in the stage
    code: frozenset[str]  # dependencies that are files or folders in git, but no results

    @classmethod
    def load(cls, path: Path = DAG_FILE) -> "Dag":
        """Raises ConfigError where the file is missing or no DAG."""
        stages = load_dag(path)
        deps = {dep for stage in stages.values() for dep in stage.deps}
        return cls(
            params={name: stage.reads for name, stage in stages.items()},
            code=frozenset(dep for dep in deps if "$" not in dep and dep != str(BEST_FILE)),
        )

    def reaching(self, *stages: str) -> ParamKeys:
        """The params that any of some stages depends on directly."""
        return reduce(or_, (self.params.get(stage, ParamKeys()) for stage in stages), ParamKeys())
