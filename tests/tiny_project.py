"""A tiny project that the real stage scripts have run through."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mentor3ad.backbones.rgb import BACKBONE
from mentor3ad.params.schema import load_params
from stages.evaluate import evaluate
from stages.extract import extract
from stages.generate import generate
from stages.prepare import prepare
from stages.rivals import rivals
from stages.score import score
from stages.train_mfm import train_mfm
from stages.train_mgm import train_mgm
from stages.vote import vote
from testbed.clone import CATEGORY, TINY, set_params
from tests.paths import ROOT

SHIPPED = ROOT / "params.yaml"
# Networks that a process loads in no time, and that take a scan in milliseconds.
LIGHT = {
    "features.rgb.model": "tf_efficientnet_lite0",
    "features.rgb.size": 64,
    "features.points.model": "normals",
    "features.points.normals.size": 64,
}
STAGES = (prepare, extract, train_mfm, train_mgm, score, vote, evaluate, rivals)


def write_params(root: Path, values: dict[str, Any]) -> None:
    yaml = YAML()
    content = yaml.load(SHIPPED.read_text(encoding="utf-8"))
    own = {"demo.test_defect": 3, "features.rgb.model": BACKBONE, "runtime.device": "cpu"}
    set_params(content, TINY | own | values)
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "dvc.yaml", root)
    with (root / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


def run_stages(root: Path, **values: Any) -> Path:
    """A finished project of one generated category; values override its params."""
    write_params(root, {key.replace("__", "."): value for key, value in values.items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        params = load_params()
        for stage in (generate, *STAGES):
            stage(params, CATEGORY)
    return root
