"""The wheel in a folder of its own: no checkout, no git history, and the project that it makes."""

import re
from pathlib import Path

import pytest

from mentor3ad.params.dag import DAG_FILE, Stage, load_dag
from mentor3ad.project.code import code_sha256
from mentor3ad.project.shipped import managed_files, own_files
from testbed.clone import CATEGORY, TINY, Project, isolated, stages_run

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def project(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that the installed package made, with params for a run of seconds."""
    home, root = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work") / "plant"
    environment = isolated(home) | {"PYTHONPATH": str(installed)}
    made = Project(root, environment)
    Project(root.parent, environment).run("python", "-m", "mentor3ad.cli", "new", "plant")
    made.params(**{key.replace(".", "__"): value for key, value in TINY.items()})
    made.commit()
    return made


def mentor3ad(project: Project, *arguments: str) -> str:
    return project.run("python", "-m", "mentor3ad.cli", *arguments).stdout


def dag(project: Project) -> dict[str, Stage]:
    return load_dag(project.root / DAG_FILE)


def test_it_is_the_wheels_package_that_runs(project: Project, installed: Path) -> None:
    said = project.run("python", "-c", "import mentor3ad; print(mentor3ad.__file__)").stdout
    assert said == f"{installed}/mentor3ad/__init__.py\n"


def test_nothing_of_ours_lies_beside_the_package(installed: Path) -> None:
    """`stages` and `pipeline` are names that others use as well."""
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"mentor3ad"}


def test_its_rooms_are_the_checkouts_to_the_byte(project: Project) -> None:
    """Also: no data file of a room is missing from the wheel."""
    files = sorted((project.root / ".mentor3ad/code").rglob("*.sha256"))
    names = [f.relative_to(project.root / ".mentor3ad/code").with_suffix("") for f in files]
    assert len(names) > 20
    assert [f.read_text().strip() for f in files] == [code_sha256(n.as_posix()) for n in names]


def test_its_project_is_that_of_the_checkout(project: Project) -> None:
    texts = {**own_files(), **managed_files()}
    del texts["params.yaml"]  # which has tiny values
    found = {name: (project.root / name).read_text(encoding="utf-8") for name in texts}
    assert found == texts


def test_every_module_can_be_imported_and_has_its_types(project: Project, installed: Path) -> None:
    """None needs `bench`, `testbed` or `tests`, which stay in the checkout."""
    code = (
        "import importlib, pkgutil, mentor3ad\n"
        "for module in pkgutil.walk_packages(mentor3ad.__path__, 'mentor3ad.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    project.run("python", "-c", code)
    assert (installed / "mentor3ad/py.typed").is_file()


def test_the_commands_work(project: Project) -> None:
    assert "mentor3ad 0." in mentor3ad(project, "--version")
    assert "nothing changed" not in mentor3ad(project, "use", "mvtec3d")
    project.run("git", "checkout", "--quiet", "params.yaml")
    assert "none needed" in mentor3ad(project, "weights")  # random ones
    assert "in step" in mentor3ad(project, "sync")
    assert "SCAN..." in mentor3ad(project, "predict", "--help")


def test_its_stages_run_and_its_data_validate(project: Project) -> None:
    assert stages_run(project.dvc("repro", "prepare")) == {"generate", "prepare"}
    assert "\n0 errors, " in mentor3ad(project, "validate")


def test_an_upgrade_is_refused_until_it_is_taken_up(project: Project) -> None:
    """Then the stages that list the room run again, and no other."""
    file = project.root / ".mentor3ad/code/readers.sha256"
    wanted = file.read_text()
    file.write_text("0" * 64 + "\n")  # as a release before would have left it
    done = project.run("dvc", "repro", "prepare", check=False)
    assert done.returncode != 0
    assert "error: the installed mentor3ad" in done.stdout
    assert "other code in readers than" in done.stdout
    assert "Traceback" not in done.stdout
    assert "other code: readers" in mentor3ad(project, "sync")
    assert file.read_text() == wanted
    assert stages_run(project.dvc("repro", "prepare")) == set()


def made_up_outs(project: Project) -> None:
    """A file at every out that is not there, so that DVC can take every stage for done."""
    for stage in dag(project).values():
        for name in (*stage.outs, *stage.metrics):
            path = project.root / name.replace("${item.category}", CATEGORY)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}\n")


def test_a_rooms_hash_reruns_the_stages_that_list_it(project: Project) -> None:
    made_up_outs(project)
    project.dvc("commit", "--force")
    names = [f".mentor3ad/code/{room}.sha256" for room in ("scoring", "publishing", "stages/vote")]
    for name in names:
        (project.root / name).write_text("0" * 64 + "\n")
    changed = {
        (re.sub("@.*", "", stage), name)
        for stage, changes in project.json("status").items()
        for change in changes
        for name in change["changed deps"]
    }
    listing = {(stage, n) for stage, spec in dag(project).items() for n in spec.deps}
    assert changed == {(stage, name) for stage, name in listing if name in names}
    assert {stage for stage, name in changed if "publishing" in name} == {
        *("extract", "score", "vote"),
    }
