"""A scan that shows far less or more of a part than the training is not decided."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.dataset.manifest import Manifest
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.model import check_like_training
from mentor3ad.inspection.scans import find_scans
from mentor3ad.params.project import Project
from mentor3ad.plumbing.errors import DataError
from testbed.clone import CATEGORY
from tests.bundles import content_of


def test_a_bundle_says_how_much_the_good_scans_showed(project: Path, inspector: Inspector) -> None:
    rows = Manifest.load(Project(project).prepared(CATEGORY)).rows
    counts = [row.n_foreground for row in rows if row.split != "test"]
    assert inspector.model.settings.part_pixels == (min(counts), max(counts))


@pytest.mark.parametrize(
    ("pixels", "like"), [(99, False), (100, True), (5000, True), (5001, False)]
)
def test_ten_times_less_or_more_is_too_unlike(
    inspector: Inspector, pixels: int, like: bool
) -> None:
    settings = inspector.model.settings.model_copy(update={"part_pixels": (1000, 500)})
    if like:
        check_like_training(pixels, settings, "scan 7")
        return
    with pytest.raises(DataError, match=f"scan 7 shows {pixels} pixels .* training 1000 to 500"):
        check_like_training(pixels, settings, "scan 7")


def test_such_a_scan_is_an_error(inspector: Inspector, test_scans: Path) -> None:
    settings = inspector.model.settings.model_copy(update={"part_pixels": (1, 2)})
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    with pytest.raises(DataError, match="too unlike them to be decided"):
        Inspector(replace(inspector.model, settings=settings)).inspect_scan(scan)


def test_a_bundle_of_schema_1_does_not_say_and_decides_as_before(
    bundle: Path, inspector: Inspector, test_scans: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(bundle, tmp_path / "old"))
    content = content_of(old) | {"schema_version": 1}
    del content["settings"]["part_pixels"]
    (old / "bundle.json").write_text(json.dumps(content))
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    found = Inspector.load(old, device="cpu").inspect_scan(scan)
    assert found.score == inspector.inspect_scan(scan).score
