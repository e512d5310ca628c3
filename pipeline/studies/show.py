"""Makes the tables of a study from the experiments that are finished."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..params.dag import LOCK_FILE
from ..params.presets.choose import preset_values
from ..params.presets.overlay import load_yaml
from ..params.project import Project
from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError
from ..plumbing.files import replaced_whole
from ..report.paper import PaperTable, paper_tables
from ..revisions.git import file_at
from ..revisions.outs import Outs, cache_of_project, results_in
from .grid import Experiment, as_key
from .plan import Plan, Planned, leaf
from .speed import speed_of_this_machine
from .table import RIVALS, StudyTable, TableBuilder
from .text import as_csv, latex, markdown

FOLDER = Project().reports / "studies"
METRICS, RESULTS = str(Project().metrics), str(Project().results)
RIVAL_RESULTS = str(Project().rival_results)
DATA_SETS = {"mvtec3d": "MVTec 3D-AD", "eyecandies": "Eyecandies"}  # as the paper calls them
FORMATS = {".md": markdown, ".csv": as_csv, ".tex": latex}


@dataclass(frozen=True)
class FinishedResults:
    """The reports/results.json of every finished experiment, by the values that it set.

    Where DVC's cache has lost it (`dvc gc`), git still has the headline metrics.
    """

    metrics: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, plan: Plan) -> "FinishedResults":
        """Raises ConfigError where a finished experiment has no metrics."""
        done = [planned for planned in plan.experiments if planned.commit is not None]
        return cls({as_key(p.experiment.values): _results(p) for p in done})

    def __call__(self, experiment: Experiment) -> Mapping[str, Any] | None:
        return self.metrics.get(as_key(experiment.values))


def _results(planned: Planned) -> Mapping[str, Any]:
    commit = planned.commit or ""
    lock = file_at(commit, str(LOCK_FILE)) or ""
    outs = Outs(lock, cache_of_project())
    content = outs.read("report", RESULTS) or file_at(commit, METRICS)
    if content is None:
        raise ConfigError(
            f"experiment {planned.name} has no {METRICS}; remove it (dvc exp remove) and run the "
            "study again"
        )
    rivals = outs.read("report", RIVAL_RESULTS) or "{}"
    of = f"of experiment {planned.name}"
    return {
        **results_in(content, f"{METRICS} {of}"),
        RIVALS: results_in(rivals, f"{RIVAL_RESULTS} {of}"),
    }


def study_tables(plan: Plan, results: FinishedResults) -> list[StudyTable]:
    """The tables of a study; a note names what they lack because it has not finished."""
    builder = TableBuilder(
        study=plan.study,
        results=results,
        categories=tuple(plan.value("data.categories")),
        data_set=DATA_SETS.get(plan.study.preset or ""),
        speed=speed_of_this_machine(),
    )
    return [builder.build(spec, _paper(spec.paper)) for spec in plan.study.tables]


def _paper(number: str | None) -> PaperTable | None:
    return paper_tables()[number] if number else None


def changed_from_preset(plan: Plan) -> list[str]:
    """KEY = VALUE of each param, but the data's place, that differs from the study's preset."""
    if plan.study.preset is None:
        return []
    texts = preset_values(plan.study.preset)
    for key in ("data.root", "data.categories"):
        texts.pop(key, None)
    found = {key: leaf(plan.baseline.params, key) for key in texts}
    return [
        f"{key} = {dump_json(value)}"
        for key, value in found.items()
        if value != load_yaml(texts[key], plan.path)
    ]


def write_tables(name: str, tables: list[StudyTable]) -> list[Path]:
    """Write reports/studies/NAME.md, .csv and .tex."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, write in FORMATS.items():
        path = FOLDER / f"{name}{suffix}"
        with replaced_whole(path) as part:
            part.write_text(write(tables), encoding="utf-8")
        paths.append(path)
    return paths
