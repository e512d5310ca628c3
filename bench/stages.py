"""The stages as processes of their own: time, memory and bytes of each."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Row
from bench.harness import Bench
from bench.processes import Usage, stage
from bench.project import STAGES
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.params.project import Project
from mentor3ad.params.schema import PARAMS_FILE, load_params
from testbed.paths import ROOT

PEAKS = ("peak_rss_mb", "gpu_mb")


def stages(bench: Bench) -> list[Row]:
    """Of one category; scans/s over the whole process, its start-up included."""
    demo = bench.demo
    category = demo.params.data.categories[0]
    manifest = Manifest.load(Project(demo.root).prepared(category))
    counts = dict.fromkeys(STAGES, len(manifest.rows))
    counts |= {"train_mfm": len(manifest.split("train")), "train_mgm": len(manifest.split("train"))}
    counts |= {"evaluate": len(manifest.split("test")), "report": len(manifest.split("test"))}
    return [_row(name, [demo.usage[name]], counts[name]) for name in STAGES]


def whole_demo(bench: Bench) -> list[Row]:
    """Every category of the repository's params.yaml, from scratch, one process a stage."""
    folder = bench.folder / "whole-demo"
    folder.mkdir()
    shutil.copy(ROOT / PARAMS_FILE, folder / PARAMS_FILE)
    categories = load_params(folder / PARAMS_FILE).data.categories
    uses = {name: _of_all(name, folder, categories) for name in STAGES}
    rows = [_row(name, runs) for name, runs in uses.items()]
    total = sum(use.seconds for runs in uses.values() for use in runs)
    return [*rows, Row("all", {"seconds": total})]


def _of_all(name: str, folder: Path, categories: Sequence[str]) -> list[Usage]:
    if name == "report":
        return [stage(name, folder)]
    return [stage(name, folder, "--category", category) for category in categories]


def _row(name: str, runs: Sequence[Usage], scans: int | None = None) -> Row:
    """Sums over the runs; of the peaks, the highest."""
    row: dict[str, Figure] = {} if scans is None else {"scans": scans}
    for key in runs[0].figures():
        values = [value for run in runs if (value := run.figures()[key]) is not None]
        row[key] = (max(values) if key in PEAKS else sum(values)) if values else None
    if scans is not None:
        row["scans_per_s"] = scans / runs[0].seconds
    return Row(name, row)
