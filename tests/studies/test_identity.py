"""Which experiments are the same, and which stages a param reaches."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.params.presets.overlay import load_yaml
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.report.best import FILE
from mentor3ad.studies.dag import EXTRACTION, TRAINING, Dag
from mentor3ad.studies.identity import Baseline, prepared_data
from tests.paths import ROOT

STUDY = Path("studies/one.yaml")


@pytest.fixture(scope="module")
def dag() -> Dag:
    return Dag.load(ROOT / "dvc.yaml")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    path = ROOT / "params.yaml"
    params = load_yaml(path.read_text(encoding="utf-8"), path)
    return Baseline(params, {"pipeline/voting": "1f"}, {"data/prepared/biscuit": "2e.dir"})


def test_how_a_value_is_written_does_not_matter(baseline: Baseline) -> None:
    own = baseline.identity({}, STUDY)
    lr = baseline.params["model"]["lr"]
    assert len(own) == 12
    assert baseline.identity({"model.lr": float(f"{lr:e}")}, STUDY) == own


@pytest.mark.parametrize("values", [{"runtime.threads": 1}, {"runtime.device": "cpu"}])
def test_where_it_runs_does_not_matter(baseline: Baseline, values: dict[str, Any]) -> None:
    assert baseline.identity(values, STUDY) == baseline.identity({}, STUDY)


def test_params_code_and_data_matter(baseline: Baseline) -> None:
    changed = [
        baseline,
        replace(baseline, code={"pipeline/voting": "1e"}),
        replace(baseline, data={"data/prepared/biscuit": "3d.dir"}),
    ]
    identities = [b.identity({}, STUDY) for b in changed]
    identities.append(baseline.identity({"model.seed": 7}, STUDY))
    assert len(set(identities)) == 4


def test_a_wrong_value_names_the_study(baseline: Baseline) -> None:
    with pytest.raises(ConfigError, match=r"studies/one\.yaml: model\.lr = -1"):
        baseline.identity({"model.lr": -1}, STUDY)


def test_prepared_data_is_what_prepare_wrote() -> None:
    out = {"path": "data/prepared/rope", "md5": "ab.dir", "size": 3}
    stages = {"prepare@rope": {"outs": [out]}, "extract@rope": {"outs": [{"path": "x"}]}}
    assert prepared_data({"stages": stages}) == {"data/prepared/rope": "ab.dir"}
    assert prepared_data({}) == {}


@pytest.mark.parametrize(
    "key", ["features.points.groups", "data.plane_removal", "data.root", "data.categories"]
)
def test_params_that_extract(dag: Dag, key: str) -> None:
    assert key in dag.reaching(*EXTRACTION)


@pytest.mark.parametrize("key", ["data.shots", "model.lr", "voting.levels", "data.train_limit"])
def test_params_that_do_not(dag: Dag, key: str) -> None:
    assert key not in dag.reaching(*EXTRACTION)


def test_voting_reaches_no_training(dag: Dag) -> None:
    reach = dag.reaching(*TRAINING)
    assert "data.shots" in reach
    assert [key for key in reach.listed if key.startswith(("voting", "evaluate"))] == []


def test_code_is_what_stages_list(dag: Dag) -> None:
    assert {"stages/vote.py", "pipeline/voting"} <= dag.code
    assert [path for path in dag.code if "$" in path] == []


def test_the_studies_best_is_no_code(dag: Dag) -> None:
    """Else writing it would make every experiment another one."""
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert f"- {FILE} " in text
    assert str(FILE) not in dag.code
