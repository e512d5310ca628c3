"""`mentor3ad run --jobs`: categories train at the same time, and DVC knows of all that was made."""

import sys
from pathlib import Path

import pytest

from testbed.clone import Project
from tests.studies.stand_in import stand_in

STAGE = """
import sys, time
from pathlib import Path

name, category = sys.argv[1:]
begun = time.time()
if (name, category) == ("train_mgm", "sad"):
    sys.exit("error: the loss is nan; lower model.lr")
time.sleep(2 if name == "train_mgm" else 0)
Path("data", f"{name}-{category}").write_text(f"{begun} {time.time()}")
"""
DAG = """
stages:
  extract:
    matrix: {category: "${data.categories}"}
    cmd: exec python stages/stage.py extract ${item.category}
    deps: [stages/stage.py]
    outs: ["data/extract-${item.category}"]
  train_mgm:
    matrix: {category: "${data.categories}"}
    cmd: exec python stages/stage.py train_mgm ${item.category}
    deps: ["data/extract-${item.category}"]
    params: [model.lr]
    outs: ["data/train_mgm-${item.category}"]
  report:
    matrix: {category: "${data.categories}"}
    cmd: exec python stages/stage.py report ${item.category}
    deps: ["data/train_mgm-${item.category}"]
    outs: ["data/report-${item.category}"]
"""


def project(folder: Path, *categories: str) -> Project:
    made = stand_in(folder)
    (made.root / "stages/stage.py").write_text(STAGE)
    (made.root / "dvc.yaml").write_text(DAG)
    made.params(data__categories=list(categories))
    return made


def run(of: Project) -> tuple[int, str]:
    command = (sys.executable, "-m", "mentor3ad.cli", "run", "--jobs", "2")
    done = of.run(*command, check=False)
    return done.returncode, done.stdout


def times(of: Project, category: str) -> tuple[float, float]:
    begun, ended = of.data(f"train_mgm-{category}").read_text().split()
    return float(begun), float(ended)


def test_categories_train_at_the_same_time_and_dvc_joins_them(tmp_path: Path) -> None:
    made = project(tmp_path, "cup", "ring")
    code, said = run(made)
    assert code == 0, said
    cup, ring = times(made, "cup"), times(made, "ring")
    assert max(cup[0], ring[0]) < min(cup[1], ring[1])
    assert made.data("report-ring").exists()
    assert made.json("status") == {}
    code, said = run(made)
    assert (code, times(made, "cup")) == (0, cup)


def test_a_category_that_fails_is_named_and_nothing_is_joined(tmp_path: Path) -> None:
    made = project(tmp_path, "cup", "sad")
    code, said = run(made)
    assert code == 1
    assert "train sad: failed after" in said
    assert "the loss is nan; lower model.lr" in said
    assert made.data("train_mgm-cup").exists()
    assert not made.data("report-cup").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--jobs", "2", "model.lr=3e-4"), "--jobs runs the workspace as it is"),
        ((), "run needs KEY=VALUE settings, or --jobs"),
    ],
)
def test_experiments_and_jobs_are_told_apart(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    made = project(tmp_path, "cup")
    done = made.run(sys.executable, "-m", "mentor3ad.cli", "run", *arguments, check=False)
    assert done.returncode == 1
    assert sentence in done.stdout
