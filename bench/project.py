"""Generated projects in a temporary folder, run stage by stage as `dvc repro` runs them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import Usage, stage
from mentor3ad.params.presets.choose import preset_values
from mentor3ad.params.presets.overlay import overlay
from mentor3ad.params.project import Project
from mentor3ad.params.schema import PARAMS_FILE, Params, parse_params, read_text
from mentor3ad.report.best import FILE as BEST_FILE
from testbed.paths import ROOT

CATEGORY = "biscuit"
STAGES = (
    *("generate", "prepare", "extract", "train_mfm", "train_mgm"),
    *("score", "vote", "evaluate", "rivals", "report"),
)


@dataclass(frozen=True)
class Finished:
    """A project that all stages have run through, and what each of them used."""

    root: Path
    params: Params
    usage: dict[str, Usage]


def settings(preset: str, values: dict[str, Any]) -> str:
    """The text of params.yaml with a preset and some values set in it."""
    given = preset_values(preset) | {key: json.dumps(value) for key, value in values.items()}
    return overlay(read_text(ROOT / PARAMS_FILE), given, ROOT / PARAMS_FILE)[0]


def shipped_params() -> Params:
    """The demo's settings, as shipped."""
    return params_of(read_text(ROOT / PARAMS_FILE))


def params_of(text: str) -> Params:
    return parse_params(text, PARAMS_FILE)


def demo_settings(scans: int, quick: bool) -> str:
    """The demo's settings, on one category of so many scans, about half of them for training."""
    few = max(1, scans // 7)
    values = _generated(scans - 4 * few, few, few, 2 * few)
    if quick:
        values |= {"model.mfm.steps": 50, "model.mgm.steps": 50}
    return settings("demo", values)


def paper_settings() -> str:
    """The paper's settings with random weights, on a few scans, trained for one step."""
    values = _generated(3, 2, 1, 1) | {
        "data.root": str(Project().demo),
        "features.rgb.weights": "random",
        "features.points.weights": "random",
        "model.mfm.steps": 1,
        "model.mgm.steps": 1,
        "rivals.cfm.steps": 1,  # as fast in prediction as after all of them
    }
    return settings("mvtec3d", values)


def _generated(train: int, validation: int, good: int, defect: int) -> dict[str, Any]:
    return {
        "demo.categories": [CATEGORY],
        "data.categories": [CATEGORY],
        "demo.train": train,
        "demo.validation": validation,
        "demo.test_good": good,
        "demo.test_defect": defect,
    }


def finish(folder: Path, text: str) -> Finished:
    """Run every stage of the project of these params."""
    folder.mkdir()
    (folder / PARAMS_FILE).write_text(text, encoding="utf-8")
    (folder / BEST_FILE).parent.mkdir()
    (folder / BEST_FILE).write_text("{}\n", encoding="utf-8")  # the report reads it
    usage = {name: stage(name, folder, "--category", CATEGORY) for name in STAGES[:-1]}
    usage["report"] = stage("report", folder)
    return Finished(folder, params_of(text), usage)
