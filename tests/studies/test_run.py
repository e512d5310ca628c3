"""Studies run by dvc: each experiment once, none twice, and what stops a study before it starts."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.clone import Project
from tests.studies.stand_in import stand_in

pytestmark = pytest.mark.e2e

TWO = """# two votes, two seeds
seeds: [0, 1]
seeded: [model.seed]
tables:
  - title: Votes
    paper: VI
    metrics: [i_auroc]
    rows:
      - {name: Voting, set: {voting.nu: 0.5}}
      - {name: own, set: {voting.nu: 0.9}}
"""


def study(project: Project, *arguments: str, check: bool = True) -> str:
    command = [sys.executable, "-m", "mentor3ad.cli", "study", *arguments]
    return project.run(*command, check=check).stdout


def write(project: Project, name: str, text: str) -> None:
    (project.root / f"studies/{name}.yaml").write_text(text)


def logs(project: Project) -> list[str]:
    return [file.read_text() for file in (project.root / "reports/studies/logs").glob("*.log")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return stand_in(tmp_path_factory.mktemp("studies"))


@pytest.fixture(scope="module")
def output(project: Project) -> str:
    """What the study of two votes printed, two experiments beside each other."""
    write(project, "two", TWO)
    return study(project, "run", "two", "--jobs", "2")


def test_every_experiment_runs(output: str) -> None:
    assert "two: 4 of 4 experiments to run" in output
    assert output.count("experiment: number") == 4
    assert "error" not in output


def test_nothing_is_extracted_and_no_training_done_twice(project: Project, output: str) -> None:
    text = "".join(logs(project))
    assert "Running stage 'extract'" not in text
    assert text.count("Running stage 'train_mgm'") <= 1  # seed 0 is the workspace's own


def test_a_second_run_has_nothing_to_do(project: Project, output: str) -> None:
    assert "two: 0 of 4 experiments to run" in study(project, "run", "two")


def test_another_study_of_the_same_settings_has_them(project: Project, output: str) -> None:
    write(project, "again", TWO.replace("own", "renamed"))
    assert "again: 0 of 4 experiments to run" in study(project, "run", "again")


def test_the_table_has_mean_spread_and_the_papers_number(project: Project, output: str) -> None:
    shown = study(project, "show", "two")
    table = (project.root / "reports/studies/two.md").read_text()
    assert "| Voting | ours | 0.600 ± 0.071 |\n|  | paper | 0.971 |" in table
    assert "| own | ours | 0.640 ± 0.071 |" in table
    assert "written: reports/studies/two.md, reports/studies/two.csv" in shown


def test_the_list_counts_what_is_finished(project: Project, output: str) -> None:
    (row,) = [line for line in study(project, "list").splitlines() if line.startswith("two ")]
    assert row.split() == ["two", "4", "of", "4", "two", "votes,", "two", "seeds"]


def test_a_failure_is_told_and_stops_no_other(project: Project) -> None:
    write(project, "rates", TWO.replace("voting.nu: 0.5", "model.lr: 2.0").replace("[0, 1]", "[3]"))
    said = study(project, "run", "rates", check=False)
    assert "error the loss is nan; lower model.lr (all of its output: reports/studies/logs/" in said
    assert "error: 1 of 2 experiments failed" in said
    assert "rates: 1 of 2 experiments to run" in study(project, "run", "rates", check=False)


def test_extraction_needs_leave(project: Project) -> None:
    write(project, "shards", TWO.replace("voting.nu: 0.9", "features.shard: 4"))
    said = study(project, "run", "shards", check=False)
    assert said == (
        "error: studies/shards.yaml sets features.shard, which extracts features again; give "
        "--allow-extract if that is what you want\n"
    )


def test_dry_run_lists_and_runs_nothing(project: Project, output: str) -> None:
    write(project, "dry", TWO.replace("0.9", "0.7"))
    said = study(project, "run", "dry", "--dry-run")
    assert "run: dry-own-seed1-" in said
    assert "-S 'voting.nu=0.7' -S 'model.seed=1'" in said
    assert "2 of 4 experiments would run" in said
    assert "dry-own" not in project.run("git", "for-each-ref", "refs/exps").stdout


def test_uncommitted_params_are_one_sentence(project: Project, output: str) -> None:
    write(project, "two", TWO)
    with project.changed(model__lr=0.5):
        said = study(project, "run", "two", check=False)
    assert said.startswith("error: uncommitted changes in params.yaml: ")


def test_another_presets_study_is_one_sentence(project: Project) -> None:
    write(project, "mvtec", f"preset: mvtec3d\n{TWO}")
    said = study(project, "run", "mvtec", check=False)
    assert "is for the preset mvtec3d, but params.yaml has demo.categories = " in said
    assert "`mentor3ad use mvtec3d --root FOLDER` sets it" in said


def test_a_preset_that_keeps_the_data_is_known_by_its_networks(project: Project) -> None:
    write(project, "real", f"preset: light\n{TWO}")
    said = study(project, "run", "real", check=False)
    assert said == (
        "error: studies/real.yaml is for the preset light, but params.yaml has features.rgb.model "
        "= vit_base_patch8_224.dino; `mentor3ad use light` sets it\n"
    )


def test_an_interrupted_study_goes_on(project: Project) -> None:
    write(project, "long", TWO.replace("[0, 1]", "[5, 6]"))
    command = [sys.executable, "-m", "mentor3ad.cli", "study", "run", "long"]
    with subprocess.Popen(
        command, cwd=project.root, env=project.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert "number 1, of 4" in process.stderr.readline()
        _wait_for_the_next(project.root)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 130
    said = re.search(r"interrupted after (\d) of 4; the same command goes on\n$", rest)
    assert said
    done = int(said[1])  # 1, or more where the next one was quicker than the signal
    assert 1 <= done < 4
    assert f"long: {4 - done} of 4 experiments to run" in study(project, "run", "long")
    assert "long: 0 of 4 experiments to run" in study(project, "run", "long")


def _wait_for_the_next(root: Path) -> None:
    deadline = time.monotonic() + 60
    while len(list((root / "reports/studies/logs").glob("long-*.log"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
