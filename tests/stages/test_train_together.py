"""Both training stages with categories side by side: the bytes of one by one."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.project import settings
from bench.together import made_up
from pipeline.config import Params
from pipeline.project import Project

ROOT = Path(__file__).parents[2]
NAMES = ["disc", "rope"]


def train(project: Project, stage: str, category: str) -> dict[str, Any]:
    """Run a stage; the line that it logs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MENTOR3AD_LOG": "json"}
    environment.pop("DVC_ROOT", None)
    command = [sys.executable, "-m", f"stages.{stage}", "--category", category]
    done = subprocess.run(
        command, cwd=project.root, env=environment, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    figures: dict[str, Any] = json.loads(line)
    return figures


def write_params(project: Project, categories: list[str]) -> None:
    values = {
        "data.categories": categories,
        "features.points.groups": 8,
        "model.mfm.steps": 6,
        "model.mgm.steps": 6,
        "runtime.device": "cpu",
        "runtime.threads": 2,
        "runtime.train_together": 2,
    }
    project.params.write_text(settings("demo", values), encoding="utf-8")


def digests(project: Project) -> dict[str, str]:
    files = [f for folder in ("mfm", "mgm") for f in sorted((project.data / folder).rglob("*"))]
    return {
        f.relative_to(project.data).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if f.is_file()
    }


def made(folder: Path, params: Params) -> Project:
    points = params.features.points.model_copy(update={"groups": 8})
    options = params.features.model_copy(update={"points": points})
    made_up(project := Project(folder), NAMES, options, scans=5, side=24)
    return project


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the processes start anew: slow")
def test_side_by_side_is_one_by_one_to_the_byte(tmp_path: Path, params: Params) -> None:
    together, alone = made(tmp_path / "together", params), made(tmp_path / "alone", params)
    write_params(together, NAMES)
    write_params(alone, ["rope"])
    for stage in ("train_mfm", "train_mgm"):
        assert "trained" not in train(together, stage, "disc")
        assert train(together, stage, "rope")["trained"] == "ahead"
        assert "trained" not in train(alone, stage, "rope")
    expected = digests(alone)
    assert len(expected) == 4
    assert {name: digests(together)[name] for name in expected} == expected
