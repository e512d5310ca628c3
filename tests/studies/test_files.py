"""The shipped studies: they can be read, set what exists and stand beside the paper's numbers."""

from pathlib import Path
from typing import Any

import pytest

from mentor3ad.params.presets.choose import preset_values
from mentor3ad.params.presets.overlay import load_yaml, overlay
from mentor3ad.params.schema import parse_params, validate_params
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.report.paper import MEAN, OWN, paper_tables
from mentor3ad.studies.dag import EXTRACTION, TRAINING, Dag
from mentor3ad.studies.definition import TableSpec, describe, load_study
from mentor3ad.studies.grid import chains, expand, rows_of, with_values
from mentor3ad.studies.table import paper_value
from tests.paths import ROOT

FILES = sorted((ROOT / "studies").glob("*.yaml"))
PARAMS = ROOT / "params.yaml"
DAG = Dag.load(ROOT / "dvc.yaml")
EACH = pytest.mark.parametrize("path", FILES, ids=[file.stem for file in FILES])


def base(preset: str | None) -> dict[str, Any]:
    """The params that a study starts from."""
    text = PARAMS.read_text(encoding="utf-8")
    if preset:
        text, _ = overlay(text, preset_values(preset), PARAMS)
    parse_params(text, PARAMS)
    content: dict[str, Any] = load_yaml(text, PARAMS)
    return content


def test_every_table_of_the_paper_has_a_study() -> None:
    tables = {t.paper for file in FILES for t in load_study(file).tables}
    assert set(paper_tables()) <= tables


@EACH
def test_experiments_have_valid_params(path: Path) -> None:
    study = load_study(path)
    for experiment in expand(study):
        validate_params(with_values(base(study.preset), experiment.values), path)


@EACH
def test_no_study_extracts(path: Path) -> None:
    values = [e.values for e in expand(load_study(path))]
    assert [key for v in values for key in v if key in DAG.reaching(*EXTRACTION)] == []


@EACH
def test_it_says_what_it_is_for(path: Path) -> None:
    assert len(describe(path)) > 20


def shown(table: TableSpec) -> list[float | None]:
    """The paper's number of each row, in one column."""
    paper = paper_tables()[table.paper] if table.paper else None
    metric = table.metrics[-1]
    if table.columns == "settings":
        return [paper_value(paper, OWN, metric, r.paper or r.name) for r in rows_of(table)]
    place = (None, metric) if table.columns == "metrics" else (metric, MEAN)
    return [paper_value(paper, r.paper or r.name, *place) for r in rows_of(table)]


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5", "6", "7"])
def test_every_row_stands_beside_the_papers(number: str) -> None:
    (table,) = load_study(ROOT / f"studies/table-{number}.yaml").tables
    assert None not in shown(table)


def test_the_demo_ablation_trains_twice_a_seed() -> None:
    study = load_study(ROOT / "studies/demo-ablation.yaml")
    values = [(e.values, e.seed) for e in expand(study)]
    grouped = chains(values, DAG.reaching(*EXTRACTION, *TRAINING))
    assert sorted(chain[0] for chain in grouped) == [0, 0, 1, 1, 2, 2]


def write(folder: Path, text: str) -> Path:
    path = folder / "one.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: [0]\n", "seed is not a known param"),
        ("seeds: [0, 0]\nseeded: [a]\ntables: []\n", "names a seed twice"),
        ("tables: [\n", "one.yaml is not valid YAML"),
        ("seeds: [0]\nseeded: [a]\ntables: [{title: T, metrics: [a], paper: VIII}]\n", "paper"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_study(write(tmp_path, text))


def test_a_study_that_is_not_there_is_named_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError, match=r"no study gone\.yaml; those in studies: demo-ablation"):
        load_study(Path("gone.yaml"))
