"""A clone of the pipeline that dvc runs in, with a home and params of its own."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from testbed.paths import ROOT

FILES = (
    *("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore"),
    "studies/best.json",
)
FOLDERS = ("pipeline", "stages", ".dvc/plots")
CATEGORY = "biscuit"
TINY = {
    "demo.categories": [CATEGORY],
    "demo.train": 3,
    "demo.validation": 2,
    "demo.test_good": 2,
    "demo.test_defect": 6,
    "demo.size": 96,
    "data.foreground.cluster_min_points": 8,  # of 96 pixels a side fewer lie within cluster_eps_m
    "data.categories": [CATEGORY],
    "features.shard": 2,
    "features.rgb.model": "vit_small_patch8_224.dino",  # as the paper's, a quarter of the work
    "features.points.groups": 32,
    "features.points.group_size": 8,
    "model.mfm.steps": 5,
    "model.mgm.steps": 5,
    "evaluate.panels": 2,
    "rivals.methods": ["gaussian"],
    "rivals.gaussian.components": 8,
}
RESULTS = ("prepared", "features", "mfm", "mgm", "scores", "votes", "eval")  # folders of data/

ALL_STAGES = {
    *("generate", "prepare", "extract", "train_mfm", "train_mgm"),
    *("score", "vote", "evaluate", "rivals", "report"),
}


def set_params(content: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        *parents, last = key.split(".")
        place = content
        for parent in parents:
            place = place[parent]
        place[last] = value


@dataclass(frozen=True)
class Project:
    """A clone of the repository's pipeline to run dvc in."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def dvc(self, *arguments: str) -> str:
        return self.run("dvc", *arguments).stdout

    def json(self, *arguments: str) -> Any:
        """What a dvc command prints with --json, warnings left out."""
        done = subprocess.run(
            ["dvc", *arguments, "--json"],
            cwd=self.root,
            env=self.environment,
            text=True,
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    def params(self, **values: Any) -> None:
        file, yaml = self.root / "params.yaml", YAML()
        content = yaml.load(file.read_text(encoding="utf-8"))
        set_params(content, {key.replace("__", "."): value for key, value in values.items()})
        yaml.dump(content, file)

    @contextlib.contextmanager
    def changed(self, **values: Any) -> Iterator[None]:
        before = (self.root / "params.yaml").read_bytes()
        self.params(**values)
        yield
        (self.root / "params.yaml").write_bytes(before)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def data(self, name: str) -> Path:
        return self.root / "data" / name


def isolated(home: Path) -> dict[str, str]:
    """The environment of a user without any configuration."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC", "GIT", "PYTHON"))}
    person = {"NAME": "tester", "EMAIL": "tester@localhost"}
    return kept | {
        "SHELL": "/bin/sh",  # which dvc runs commands with; CI has none
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in person.items()},
        # Equal clones are then equal commits, which the report names.
        **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00+0000"),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
        "DVC_NO_ANALYTICS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def copy_pipeline(source: Path) -> None:
    """Put the pipeline's files at `source`, to be cloned: every clone is of the same code."""
    for name in FILES:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "mentor3ad").symlink_to("pipeline")


def clone(source: Path, name: str, **values: Any) -> Project:
    """A committed copy of the source with params for a run of seconds."""
    tiny = {key.replace(".", "__"): value for key, value in TINY.items()}
    return clone_as_shipped(source, name, **(tiny | values))


def clone_as_shipped(source: Path, name: str, **values: Any) -> Project:
    """A committed copy of the source, with the shipped params but for these values."""
    root, home = source.with_name(name), source.with_name(f"{name}-home")
    shutil.copytree(source, root, dirs_exist_ok=True, symlinks=True)
    home.mkdir()
    project = Project(root, isolated(home))
    project.params(**values)
    project.run("git", "init", "--quiet")
    project.commit()
    return project


def stages_run(output: str) -> set[str]:
    """Names, without the category, of the stages that dvc says it ran."""
    return set(re.findall(r"Running stage '(\w+)", output))


def digest(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
