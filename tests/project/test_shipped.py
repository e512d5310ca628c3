"""What a release gives a project is the checkout's own, and its dvc.yaml gives the same reruns."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import rooms
from mentor3ad.params.dag import DAG_FILE, Stage, load_dag
from mentor3ad.params.presets.overlay import load_yaml
from mentor3ad.project import shipped
from mentor3ad.project.code import code_sha256
from testbed.paths import ROOT

FILES = {
    "params.yaml": "params.yaml",
    "dag.yaml": "dvc.yaml",
    "dvcignore": ".dvcignore",
    "dvc_config": ".dvc/config",
}
CHECKOUT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
PROJECT = shipped.project_dag(CHECKOUT)


STAGES = load_dag(ROOT / DAG_FILE)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """The stages of a project's dvc.yaml."""
    path = tmp_path_factory.mktemp("dag") / DAG_FILE
    path.write_text(PROJECT, encoding="utf-8")
    return load_dag(path)


@pytest.mark.parametrize(("name", "source"), FILES.items())
def test_a_shipped_file_is_the_checkouts(name: str, source: str) -> None:
    assert shipped.shipped_text(name) == (ROOT / source).read_text(encoding="utf-8")


def test_every_plots_template_is_shipped() -> None:
    names = {f".dvc/plots/{path.name}" for path in (ROOT / ".dvc/plots").glob("*.json")}
    assert shipped.managed_files().keys() == {"dvc.yaml", *names}


def as_in_the_checkout(dep: str) -> str:
    """What a dependency of a project's stage stands for in the checkout."""
    found = re.fullmatch(r"\.mentor3ad/code/(.+)\.sha256", dep)
    if not found:
        return dep
    path = Path("pipeline") / found[1] if not found[1].startswith("stages/") else Path(found[1])
    return path.as_posix() if (ROOT / path).is_dir() else f"{path.as_posix()}.py"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_that_of_the_checkout_on_installed_code(
    name: str, stages: dict[str, Stage]
) -> None:
    deps = tuple(as_in_the_checkout(dep) for dep in stages[name].deps)
    command = stages[name].cmd.replace(" mentor3ad.stages.", " stages.")
    assert replace(stages[name], cmd=command, deps=deps) == STAGES[name]


def test_everything_else_of_the_file_is_the_same() -> None:
    ours, theirs = load_yaml(CHECKOUT, DAG_FILE), load_yaml(PROJECT, DAG_FILE)
    assert theirs.keys() == ours.keys()
    assert {**theirs, "stages": list(theirs["stages"])} == {**ours, "stages": list(ours["stages"])}


def test_no_path_of_the_checkout_is_left() -> None:
    assert re.findall(r"\b(?:pipeline|stages)/\w+\S*\.py|pipeline/", PROJECT) == []


def test_comments_are_kept_but_for_those_at_the_top() -> None:
    assert PROJECT.startswith(shipped.DAG_HEADER + "stages:\n")
    assert "generate: # the demo data;" in PROJECT


def test_every_part_of_the_code_that_a_stage_lists_has_a_hash() -> None:
    listed = {dep for stage in STAGES.values() for dep in rooms.code_deps(stage)}
    names = shipped.listed_code(PROJECT)
    assert len(names) == len(listed)
    assert [name for name in names if code_sha256(name) is None] == []
