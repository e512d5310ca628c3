"""Names of categories: those that plants use, and those that something would misread."""

import shutil
import unicodedata
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mentor3ad.params.categories import category_folders
from mentor3ad.params.schema import Data, load_params
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.plumbing.logs import LOGGER
from tests.paths import ROOT

SHIPPED = load_params(ROOT / "params.yaml").data.model_dump()
ODD = [
    "my part",
    "v1.2",
    "Gehäuse",
    unicodedata.normalize("NFD", "Gehäuse"),
    "Teil (neu)",
    "零件",
    "1",
]
BAD = ["", " a", "a ", "a.", ".a", "-a", "a/b", "..", "a;b", "$(b)", "a'b", 'a"b', "a,b", "a\nb"]
BAD += ["a@b", "a:b", "a#b", "a%20b", "a{b}", "a\\b", "a*", "part.dvc", "@eaDir"]


@pytest.mark.parametrize("name", ODD)
def test_a_name_as_plants_have_them(name: str) -> None:
    assert Data.model_validate(SHIPPED | {"categories": [name]}).categories == [name]


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_something_would_misread(name: str) -> None:
    with pytest.raises(ValueError, match=r"must be of letters|must not end in \.dvc"):
        Data.model_validate(SHIPPED | {"categories": [name]})


def test_folders_that_cannot_be_categories_are_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOGGER, "handlers", [caplog.handler])  # not those of a command before
    monkeypatch.setattr(LOGGER, "propagate", False)
    for name in (*ODD, "@eaDir", "a;b", ".hidden"):
        (tmp_path / name).mkdir()
    assert category_folders(tmp_path) == sorted(ODD)
    named = [record.getMessage().partition(" is left out")[0] for record in caplog.records]
    assert named == [str(tmp_path / "@eaDir"), str(tmp_path / "a;b")]


def test_a_root_without_any(tmp_path: Path) -> None:
    (tmp_path / "a;b").mkdir()
    with pytest.raises(ConfigError, match="holds no folders; it needs one a category"):
        category_folders(tmp_path)


def test_dvc_hands_over_every_name_as_one_word(tmp_path: Path) -> None:
    """Also one that the params would refuse: DVC writes the command before any of our code runs."""
    import shlex

    from dvc.repo import Repo

    names = [*ODD, "a; touch b", "a'; touch b; '", "$(touch b)", "`touch b`"]
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    content = YAML().load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["demo"]["categories"] = content["data"]["categories"] = names
    YAML().dump(content, tmp_path / "params.yaml")
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        stages = {stage.name: stage for stage in repo.index.stages if "@" in stage.name}
    for name in names:
        words = shlex.split(stages[f"prepare@{name}"].cmd)
        assert words == ["exec", "python", "-m", "stages.prepare", "--category", name]
