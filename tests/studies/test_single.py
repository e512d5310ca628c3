"""One experiment: what is wrong with its values is one sentence, before DVC starts."""

import re
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.studies.single import checked_settings
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_values_are_read_as_params_yaml_has_them() -> None:
    words = ["model.lr=3e-4", "voting.levels=[[1,1,0]]", "model.mfm.hidden=null"]
    assert checked_settings(words) == {
        "model.lr": 3e-4,
        "voting.levels": [[1, 1, 0]],
        "model.mfm.hidden": None,
    }


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("model.lr", "model.lr is no KEY=VALUE"),
        ("model.lrr=1", "model.lrr is no param"),
        ("model=1", "model is no param"),
        ("voting.levels=[[1,1", "[[1,1 is no value; look for an open bracket"),
        ("model.lr=abc", "model.lr = 'abc'"),
        ("voting.rule=papers", "voting.rule = 'papers'"),
        ("data.categories=[teapot]", "no folder data/demo/teapot"),
    ],
)
def test_a_mistake_is_named(word: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        checked_settings([word])
    assert "\n" not in str(caught.value)


def test_a_category_whose_results_are_here_needs_no_raw_data(project: Path) -> None:
    (project / "dvc.lock").write_text("stages:\n  prepare@teapot: {cmd: x}\n")
    assert checked_settings(["data.categories=[teapot]"])
