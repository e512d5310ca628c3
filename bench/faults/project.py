"""The tiny project that faults are tried on."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.clone import CATEGORY, Project, clone, copy_pipeline, digest, isolated
from testbed.paths import ROOT

from . import forked

SMALLEST: dict[str, Any] = {  # six scans, two small networks: a stage computes for a second
    "demo.test_good": 1,
    "demo.test_defect": 2,
    "evaluate.panels": 1,
    "features.rgb.model": "tf_efficientnet_lite0",
    "features.rgb.size": 64,
    "features.points.model": "normals",
    "features.points.normals.size": 64,
    "runtime.device": "cpu",
    "runtime.threads": 1,
}
OTHER = "clutch"  # a category whose files are not this one's
MODEL = "model"  # the folder of the bundle, in the project
BUNDLE = forked.Command("mentor3ad.cli", ("bundle", "--category", CATEGORY, "--out", MODEL))
SCANS = f"data/demo/{CATEGORY}/test"
OUTS = {  # of each stage, where the project keeps it
    "prepare": "data/prepared/{}",
    "extract": "data/features/{}.zarr",
    "train_mfm": "data/mfm/{}",
    "train_mgm": "data/mgm/{}",
    "score": "data/scores/{}.zarr",
    "vote": "data/votes/{}",
    "evaluate": "data/eval/{}",
    "rivals": "data/rivals/{}.json",
    "report": "reports",
}


@dataclass(frozen=True)
class Base:
    """A finished project, which no trial writes to, and folders for trials beside it.

    Attributes:
        only: the rows to try, such as `prepare` or `bundle`; empty: all.
        minutes: of each part of a kind that looks at the clock itself; None: as the trials say.
    """

    project: Project
    folder: Path
    only: tuple[str, ...] = ()
    minutes: float | None = None
    references: dict[str, dict[str, str]] = field(default_factory=dict)  # digests, by subject

    @property
    def root(self) -> Path:
        return self.project.root

    def out(self, stage: str, category: str = CATEGORY) -> str:
        """The path, in the project, of what a stage makes."""
        return OUTS[stage].format(category)

    def tries(self, name: str) -> bool:
        """Whether a stage, a command or a part is to be tried."""
        return not self.only or name in self.only

    def bundle(self) -> None:
        """Write the project's bundle into it, as MODEL."""
        remove(self.root / MODEL)
        done = forked.run(BUNDLE, self.root)
        if done.code:
            raise RuntimeError(done.text)

    def copy(self, name: str = "trial", whole: bool = False) -> Path:
        """A fresh copy in the place of the last one of this name.

        Args:
            whole: with DVC's cache and git's objects, which the stages themselves do not read.
        """
        target = self.folder / name
        if target.exists():
            shutil.rmtree(target)
        left_out = () if whole else ("cache", "tmp")
        ignored = shutil.ignore_patterns(".staging", "__pycache__", *left_out)
        shutil.copytree(self.root, target, symlinks=True, ignore=ignored)
        return target


def make(folder: Path) -> Base:
    """Make the project and run all of it through dvc; one of this code is used again."""
    root, home, code = folder / "base", folder / "base-home", folder / "code.json"
    files = digest(ROOT / "pipeline") | digest(ROOT / "stages")
    ours = json.dumps({name: sha for name, sha in files.items() if name.endswith(".py")})
    if code.is_file() and code.read_text(encoding="utf-8") == ours:
        return Base(Project(root, isolated(home)), folder)
    for old in ("source", "base", "base-home"):
        remove(folder / old)
    copy_pipeline(folder / "source")
    project = clone(folder / "source", "base", **SMALLEST)
    project.dvc("repro")
    project.commit()
    code.write_text(ours, encoding="utf-8")
    return Base(project, folder)


def variant(base: Base, name: str, category: str, **values: Any) -> Path:
    """The same outs, made by the stages, of another category or with other params."""
    root = base.copy(name)
    project = Project(root, base.project.environment)
    named = {"demo.categories": [category], "data.categories": [category]} | values
    project.params(**named)
    remove(root / "data")
    for stage in ("generate", *forked.STAGES[:-1]):
        ended = forked.run(forked.stage(stage, category), root)
        if ended.code:
            raise RuntimeError(f"{stage} of {name} fails:\n{ended.text}")
    return root


def state(path: Path) -> dict[str, str]:
    """The digest of each file of a folder, or of the one file."""
    if path.is_file():
        return {"": digest(path.parent)[path.name]}
    return digest(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_deep(path: Path) -> None:
    """Remove a folder of any depth, at which Python's own way meets its limit of recursion."""
    subprocess.run(["rm", "-rf", str(path)], check=True)
