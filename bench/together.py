"""Training of two categories through their stages: one by one, and side by side."""

import shutil
from collections.abc import Sequence

import numpy as np

from bench import scenes
from bench.harness import Bench, Row
from bench.processes import stage
from bench.project import settings
from pipeline.cache.features import KIND, feature_arrays
from pipeline.cache.schema import StoreManifest
from pipeline.cache.writer import write_store
from pipeline.config import Features
from pipeline.data.foreground import PrepareOptions
from pipeline.data.manifest import MANIFEST_FILE, SCHEMA, Manifest, ManifestRow
from pipeline.data.resize import SIZE
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
        rows = tuple(_row(name, i) for i in range(scans))
        project.prepared(name).mkdir(parents=True)
        manifest = Manifest(SCHEMA, name, PrepareOptions(), rows)
        (project.prepared(name) / MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")
        store = StoreManifest(
            kind=KIND,
            category=name,
            samples=tuple(row.id for row in rows),
            hashes=tuple(row.sha256 for row in rows),
            inputs={"points": {"pool": False}},
            arrays=feature_arrays("factored", options.points.groups),
            codec=options.codec,
            shard=options.shard,
        )

        def compute(samples: range, store: StoreManifest = store) -> dict[str, np.ndarray]:
            made = [scenes.features(options, seed, side) for seed in samples]
            return {a.name: np.stack([getattr(one, a.name) for one in made]) for a in store.arrays}

        write_store(project.features(name), store, compute, project.root / ".staging")


def _row(category: str, number: int) -> ManifestRow:
    name = f"train/good/{number:03d}"
    return ManifestRow(
        id=name,
        split="train",
        label=0,
        defect="good",
        rgb=f"{category}/{name}.png",
        points=f"{category}/{name}.tiff",
        mask=None,
        sha256=f"{number:064x}",
        height=SIZE,
        width=SIZE,
        n_foreground=SIZE * SIZE,
    )
