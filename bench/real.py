"""Seconds and memory of every stage on scans of your own, one process a stage, by crop.

    python -m bench.real --root /data/mvtec3d --category cable_gland --crop none --crop part

The settings are the demo's but for where the scans are and the crop. The scans are only read; what
the stages write goes to a temporary folder.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, get_args

import typer

from bench.figures import Figure, Row
from bench.processes import Usage, run, stage
from bench.project import STAGES, params_of, settings
from bench.table import table
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.params.project import Project
from mentor3ad.params.schema import PARAMS_FILE, Crop
from mentor3ad.plumbing.errors import ConfigError, one_sentence
from mentor3ad.report.best import FILE as BEST_FILE

CROPS = get_args(Crop)
STEPS = ("validate", *STAGES[1:])
HEADLINE = ("i_auroc", "p_auroc", "aupro_30", "aupro_1")


def measure(root: Path, category: str, crop: str, folder: Path) -> list[Row]:
    """A row for `mentor3ad validate` and each stage, and one for the metrics.

    Args:
        root: folder of the categories.
        folder: an empty one, for the project.
    """
    (folder / PARAMS_FILE).write_text(_settings(root, category, crop), encoding="utf-8")
    (folder / BEST_FILE).parent.mkdir()
    (folder / BEST_FILE).write_text("{}\n", encoding="utf-8")  # the report reads it
    uses = {name: _run(name, folder, category) for name in STEPS}
    count = _counts(folder, category)
    rows = [Row(f"{name}, crop: {crop}", _figures(uses[name], count[name])) for name in STEPS]
    metrics = json.loads(Project(folder).metrics.read_text(encoding="utf-8"))[category]
    found = {name: metrics[name] for name in HEADLINE if name in metrics}
    return [*rows, Row(f"metrics, crop: {crop}", dict(found))]


def _settings(root: Path, category: str, crop: str) -> str:
    values = {"demo.categories": [], "data.root": str(root.resolve())}
    text = settings("demo", values | {"data.categories": [category], "data.crop": crop})
    params_of(text)  # refuses what is not known before anything runs
    return text


def _run(name: str, folder: Path, category: str) -> Usage:
    if name == "validate":
        return run([sys.executable, "-m", "mentor3ad.cli", "validate"], folder)
    return stage(name, folder, *([] if name == "report" else ["--category", category]))


def _counts(folder: Path, category: str) -> dict[str, int]:
    """How many scans each step works on."""
    manifest = Manifest.load(Project(folder).prepared(category))
    of = {split: len(manifest.split(split)) for split in ("train", "test")}
    splits = {"train_mfm": "train", "train_mgm": "train", "evaluate": "test", "report": "test"}
    return {n: of[splits[n]] if n in splits else len(manifest.rows) for n in STEPS}


def _figures(use: Usage, scans: int) -> dict[str, Figure]:
    wanted = ("seconds", "cpu_s", "peak_rss_mb", "gpu_mb")
    kept: dict[str, Figure] = {key: value for key, value in use.figures().items() if key in wanted}
    return {"scans": scans, **kept, "s_a_scan": use.seconds / scans if scans else None}


def _tables(rows: list[Row]) -> str:
    times = [row for row in rows if "seconds" in row.figures]
    others = [row for row in rows if "seconds" not in row.figures]
    parts = (table([{"what": r.what, **r.figures} for r in some]) for some in (times, others))
    return "\n\n".join("\n".join(lines) for lines in parts)


def main(
    root: Annotated[Path, typer.Option(help="Folder of the categories.")],
    category: Annotated[str, typer.Option(help="The category to measure.")],
    crop: Annotated[list[str] | None, typer.Option(help="data.crop; may be repeated.")] = None,
) -> None:
    """Measure every stage on a category of yours."""
    if unknown := [one for one in crop or [] if one not in CROPS]:
        raise ConfigError(f"--crop {unknown[0]}: choose {' or '.join(CROPS)}")
    rows = []
    before = os.getloadavg()[0]
    for one in crop or ["none"]:
        with tempfile.TemporaryDirectory(prefix="mentor3ad-real-") as name:
            rows += measure(root, category, one, Path(name))
    print(_tables(rows))
    print(f"\nLoad average {before:.1f} before, {os.getloadavg()[0]:.1f} after.")


if __name__ == "__main__":
    with one_sentence():
        typer.run(main)
