"""Training of two categories through their stages: one by one, and side by side."""

import shutil
from collections.abc import Sequence

from bench import scenes
from bench.harness import Bench, Row
from bench.processes import stage
from bench.project import settings
from bench.stores import store_category
from pipeline.config import Features
from pipeline.project import Project

NAMES = ("disc", "rope")
STAGES = ("train_mfm", "train_mgm")


def together(bench: Bench) -> list[Row]:
    """All stages of both categories, start-up included; results are not compared here.

    `speedup`: of one by one, in the same run.
    """
    project = Project(bench.folder / "together")
    made_up(project, NAMES, bench.params.features, scans=4 if bench.quick else 24)
    one, two = (_seconds(project, many, bench.quick) for many in (1, 2))
    return [
        Row("one by one", {"seconds": one}),
        Row("two side by side", {"seconds": two, "speedup": one / two}),
    ]


def _seconds(project: Project, many: int, quick: bool) -> float:
    values = {"data.categories": list(NAMES), "runtime.train_together": many}
    if quick:
        values |= {"model.mfm.steps": 50, "model.mgm.steps": 50}
    project.params.write_text(settings("demo", values), encoding="utf-8")
    for made in ("data/mfm", "data/mgm", ".staging"):
        shutil.rmtree(project.root / made, ignore_errors=True)
    uses = [stage(s, project.root, "--category", name) for s in STAGES for name in NAMES]
    return sum(use.seconds for use in uses)


def made_up(
    project: Project, names: Sequence[str], options: Features, scans: int, side: int = scenes.SIDE
) -> None:
    """Categories of so many good scans: their manifests, and features that no network made."""
    for name in names:
        store_category(
            project,
            name,
            ["train"] * scans,
            lambda number: scenes.features(options, number, side),
            options.points.groups,
            options.codec,
            options.shard,
        )
