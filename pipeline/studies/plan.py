"""What a study has to run: its experiments without those that are there, if it may start."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.presets.choose import ON_TOP, preset_values
from ..params.presets.overlay import load_yaml
from ..params.project import Project
from ..params.schema import INVENTORIES
from ..plumbing.documents import DocumentError, dump_json, parse_json
from ..plumbing.errors import ConfigError
from .dag import EXTRACTION, TRAINING, Dag
from .definition import Study, load_study
from .git import finished_experiments
from .grid import Experiment, chains, expand
from .identity import Baseline

TOLD_APART = ("demo.categories", "data.layout")  # presets are told apart by these
NETWORKS = ("features.rgb.model", "features.points.model")  # those that keep the data set by these
# Outs of DVC, so experiments beside the workspace have them.
ROOTS = (str(Project().demo), str(INVENTORIES))


@dataclass(frozen=True)
class Planned:
    """An experiment, and the name under which DVC keeps it."""

    name: str
    identity: str
    experiment: Experiment
    commit: str | None  # of the experiment, if it is finished; None: it has to run

    @property
    def settings(self) -> list[str]:
        """KEY=VALUE of each param that it sets, in the form of DVC's `-S`."""
        return [f"{k}={dump_json(v)}" for k, v in self.experiment.values.items()]


@dataclass(frozen=True)
class Plan:
    """A study on the last commit's code, params and data."""

    name: str
    path: Path
    study: Study
    experiments: tuple[Planned, ...]
    dag: Dag
    baseline: Baseline

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Raises ConfigError where study, params, dvc.yaml or repository cannot be used."""
        dag = Dag.load()
        return cls.of(path, load_study(path), dag, Baseline.load(dag))

    @classmethod
    def of(cls, path: Path, study: Study, dag: Dag, baseline: Baseline) -> "Plan":
        """Raises ConfigError where a value of the study is not valid."""
        planned, finished = [], finished_experiments()
        for experiment in expand(study):
            identity = baseline.identity(experiment.values, path)
            name = f"{path.stem}-{experiment.slug}-{identity}"
            planned.append(Planned(name, identity, experiment, finished.get(identity)))
        return cls(path.stem, path, study, tuple(planned), dag, baseline)

    def value(self, key: str) -> Any:
        """The value of a param that all experiments share, such as data.categories."""
        return self.study.set[key] if key in self.study.set else leaf(self.baseline.params, key)

    @property
    def missing(self) -> tuple[Planned, ...]:
        """What has to run, once for settings that are written differently but mean the same."""
        return tuple({p.identity: p for p in self.experiments if p.commit is None}.values())

    @property
    def extracting(self) -> tuple[str, ...]:
        """The params for which experiments that have to run would prepare or extract again."""
        reach = self.dag.reaching(*EXTRACTION)
        values = [item for p in self.missing for item in p.experiment.values.items()]
        return tuple(
            dict.fromkeys(k for k, v in values if k in reach and v != leaf(self.baseline.params, k))
        )

    @property
    def work(self) -> list[list[Planned]]:
        """What has to run, as lists that share extraction and training: no two lists repeat any."""
        stages = EXTRACTION if self.extracting else (*EXTRACTION, *TRAINING)
        pairs = [(planned.experiment.values, planned) for planned in self.missing]
        return chains(pairs, self.dag.reaching(*stages))


def leaf(content: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key of a params file's content."""
    value: Any = content
    for part in key.split("."):
        value = value[part]
    return value


def check_preset(plan: Plan) -> None:
    """Raise ConfigError where params.yaml has other data or networks than the study is for."""
    preset = plan.study.preset
    if preset is None:
        return
    texts = preset_values(preset)
    for key in NETWORKS if preset in ON_TOP else TOLD_APART:
        wanted, found = load_yaml(texts[key], plan.path), leaf(plan.baseline.params, key)
        if bool(wanted) != bool(found) if isinstance(wanted, list) else wanted != found:
            root = "" if preset in ("demo", *ON_TOP) else " --root FOLDER"
            raise ConfigError(
                f"{plan.path} is for the preset {preset}, but params.yaml has {key} = {found}; "
                f"`mentor3ad use {preset}{root}` sets it"
            )


def check_root(plan: Plan) -> None:
    """Raise ConfigError if experiments beside the workspace would not see the raw data."""
    root = str(leaf(plan.baseline.params, "data.root"))
    if not Path(root).is_absolute() and root not in ROOTS:
        raise ConfigError(
            f"data.root = {root} is relative, and experiments run in folders of their own; give "
            "it as an absolute path"
        )


def check_extraction(plan: Plan, allowed: bool) -> None:
    """Raise ConfigError if experiments would extract, which each would do for itself."""
    if allowed:
        return
    if plan.extracting:
        raise ConfigError(
            f"{plan.path} sets {', '.join(plan.extracting)}, which extracts features again; give "
            "--allow-extract if that is what you want"
        )
    if stale := _stale_stages():
        raise ConfigError(
            f"the features are not up to date ({', '.join(stale)}): run `dvc repro extract` and "
            "commit dvc.lock, so that all experiments share them"
        )


def _stale_stages() -> list[str]:
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", "extract"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise ConfigError(f"`dvc status` failed: {reason}")
    try:
        return sorted(parse_json(done.stdout))
    except (DocumentError, TypeError) as error:
        raise ConfigError(f"`dvc status --json` printed no status: {error}") from None
