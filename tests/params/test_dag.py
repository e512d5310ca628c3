"""dvc.yaml as its readers get it: studies, the bench and the test of the stages' dependencies."""

from pathlib import Path

import pytest

from mentor3ad.params.dag import ParamKeys, load_dag
from mentor3ad.plumbing.errors import ConfigError

TEXT = """\
stages:
  vote:
    matrix: {category: "${data.categories}"}
    cmd: exec python -m stages.vote --category ${item.category}
    deps: [pipeline/voting, "${data.root}/${item.category}"]
    params: [voting]
    outs: ["data/votes/${item.category}"]
  report:
    cmd: exec python -m stages.report
    metrics: [{reports/metrics.json: {cache: false}}]
"""


def test_a_stage_is_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(TEXT)
    dag = load_dag(tmp_path / "dvc.yaml")
    assert list(dag) == ["vote", "report"]
    assert dag["vote"].cmd == "exec python -m stages.vote --category ${item.category}"
    assert dag["vote"].deps == ("pipeline/voting", "${data.root}/${item.category}")
    assert dag["vote"].reads.listed == {"voting", "data.root", "data.categories"}
    assert dag["vote"].outs == {"data/votes/${item.category}": {}}
    assert set(dag["vote"].settings) == {"matrix"}
    assert dag["report"].metrics == {"reports/metrics.json": {"cache": False}}
    assert dag["report"].deps == ()


def test_a_section_stands_for_all_in_it_and_a_leaf_for_itself() -> None:
    keys = ParamKeys(frozenset({"voting", "data.shots"})) | ParamKeys(frozenset({"model.mfm"}))
    assert all(key in keys for key in ("voting", "voting.rule", "data.shots", "model.mfm.dim"))
    assert not any(key in keys for key in ("data", "data.shots_seed", "votingrule", "model.lr"))


@pytest.mark.parametrize("text", ["", "stages: []", "[]"])
def test_a_file_without_stages_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"dvc\.yaml has no stages"):
        load_dag(tmp_path / "dvc.yaml")
