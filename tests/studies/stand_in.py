"""A repository with a pipeline of three quick stages, for dvc to run studies in."""

import shutil
from pathlib import Path

from testbed.clone import Project, isolated
from tests.paths import ROOT

FILES = (
    *("params.yaml", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore"),
    "studies/best.json",
)
STAGE = """
import json, sys, time
from pathlib import Path
from ruamel.yaml import YAML

name = sys.argv[1]
params = YAML(typ="safe", pure=True).load(Path("params.yaml").read_text())
model, voting = params["model"], params["voting"]
if model["lr"] > 1:
    sys.exit("error: the loss is nan; lower model.lr")
if name == "report":
    score = float(Path("data/mgm").read_text()) + voting["nu"] / 10
    Path("reports").mkdir(exist_ok=True)
    Path("reports/metrics.json").write_text(json.dumps({"mean": {"i_auroc": score}}))
else:
    value = {"extract": params["features"]["shard"], "train_mgm": model["seed"] / 10 + 0.5}
    Path("data", {"extract": "features", "train_mgm": "mgm"}[name]).write_text(str(value[name]))
"""
DAG = """
stages:
  extract:
    cmd: exec python stages/stage.py extract
    deps: [stages/stage.py]
    params: [features.shard]
    outs: [data/features]
  train_mgm:
    cmd: exec python stages/stage.py train_mgm
    deps: [stages/stage.py, data/features]
    params: [model.lr, model.seed]
    outs: [data/mgm]
  report:
    cmd: exec python stages/stage.py report
    deps: [stages/stage.py, data/mgm]
    params: [voting.nu]
    metrics: [{reports/metrics.json: {cache: false}}]
"""


def stand_in(folder: Path) -> Project:
    """A committed project after one `dvc repro`."""
    root, home = folder / "project", folder / "home"
    home.mkdir()
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for name in ("data", "stages"):
        (root / name).mkdir()
    (root / "stages/stage.py").write_text(STAGE)
    (root / "dvc.yaml").write_text(DAG)
    project = Project(root, isolated(home) | {"PYTHONPATH": str(ROOT)})
    project.run("git", "init", "--quiet")
    project.commit()
    project.dvc("repro")
    project.commit()
    return project
