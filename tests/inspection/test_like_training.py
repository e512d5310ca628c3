"""A scan that shows far less or more of a part than the training is not decided."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mentor3ad.cache.maps import SCORES, SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.dataset.scan import RawScan
from mentor3ad.dataset.traits import load_traits
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.model import check_like_training
from mentor3ad.inspection.run import ExitCode, Output, predict_scans
from mentor3ad.inspection.scans import find_scans
from mentor3ad.params.project import Project
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import DataError, UnlikeTrainingError
from mentor3ad.readers.layouts import read_scan
from mentor3ad.voting.votes import Votes
from testbed.clone import CATEGORY
from tests.bundles import content_of, sign

Points = NDArray[np.float32]
Fault = Callable[[NDArray[np.uint8], Points], tuple[NDArray[np.uint8], Points]]


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


def test_a_bundle_of_schema_3_has_no_samples_and_decides_as_before(
    bundle: Path, inspector: Inspector, test_scans: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(bundle, tmp_path / "old"))
    likeness = json.loads((old / "likeness.json").read_text())
    del likeness["samples"]
    (old / "likeness.json").write_text(json.dumps(likeness))
    sign(old, schema_version=3)
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    found, expected = Inspector.load(old, device="cpu"), inspector.inspect_scan(scan)
    assert found.model.likeness is not None
    assert found.model.likeness.samples == {}
    assert found.inspect_scan(scan).measures == expected.measures


def _scan(inspector: Inspector, test_scans: Path) -> RawScan:
    return read_scan(find_scans(test_scans / "good", inspector.model).scans[0])


def _lenient(inspector: Inspector) -> Inspector:
    """The same model with a threshold that no scan exceeds."""
    model = inspector.model
    return Inspector(replace(model, voting=replace(model.voting, threshold=1e9)))


def test_a_dark_scan_is_neither_good_nor_defective(inspector: Inspector, test_scans: Path) -> None:
    raw, inspector = _scan(inspector, test_scans), _lenient(inspector)
    found = inspector.inspect((raw.rgb * 0.3).astype(np.uint8), raw.points)
    assert found.status == "unlike training"
    assert found.unlike is not None
    assert "the picture is too dark (mean brightness" in found.unlike
    assert inspector.inspect(raw.rgb, raw.points).status == "good"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (
            lambda rgb, points: (np.clip(rgb * 2.5, 0, 255).astype(np.uint8), points),
            "(bright|over)",
        ),
        (lambda rgb, points: (rgb, _moved(points, (0.08, 0, 0))), "lies elsewhere"),
        (lambda rgb, points: (rgb, _moved(points, (0, 0, 0.08))), "farther away"),
        (lambda rgb, points: (rgb, _cut(points)), "(smaller|cut|another part|turned)"),
    ],
)
def test_what_is_not_like_the_training(
    inspector: Inspector, test_scans: Path, fault: Fault, reason: str
) -> None:
    raw = _scan(inspector, test_scans)
    found = inspector.inspect(*fault(raw.rgb, raw.points))
    assert re.search(reason, found.unlike or ""), found.unlike


def _light(rgb: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    return np.clip(rgb * gain, 0, 255).astype(np.uint8)


def _moved(points: Points, by: tuple[float, float, float]) -> Points:
    moved = points.copy()
    moved[points.any(axis=-1)] += np.float32(by)
    return moved


def _cut(points: Points) -> Points:
    cut = points.copy()
    cut[:, : points.shape[1] // 2] = 0
    return cut


def test_no_part_at_all_is_unlike_the_training(inspector: Inspector, test_scans: Path) -> None:
    raw = _scan(inspector, test_scans)
    with pytest.raises(UnlikeTrainingError, match="no return at all"):
        inspector.inspect(raw.rgb, np.zeros_like(raw.points))


def test_vote_and_prediction_say_the_same(project: Path, inspector: Inspector) -> None:
    """With limits that every scan breaks, to the last digit of every reason."""
    known = inspector.model.likeness
    assert known is not None
    ranges = {name: replace(one, limit=1e-9) for name, one in known.ranges.items()}
    strict = replace(known, ranges=ranges)
    folder = Project(project)
    manifest = Manifest.load(folder.prepared(CATEGORY))
    store = Store.open(folder.scores(CATEGORY), SCORES_KIND, CATEGORY)
    traits = load_traits(folder.prepared(CATEGORY), manifest)
    said = strict.unlike(manifest, traits, lambda i: store.read(SCORES.name, i))
    assert len(said) == len(manifest.rows)
    model = replace(inspector.model, likeness=strict)
    root = project / load_params(folder.params).data.root
    for row in manifest.rows[-4:]:
        assert Inspector(model).inspect_scan(row.files(root)).unlike == said[row.id]
    assert Votes.open(folder.votes(CATEGORY), CATEGORY).unlike == {}


def test_predict_ends_with_its_own_code_and_says_why(
    inspector: Inspector, test_scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = Path(shutil.copytree(test_scans / "good", tmp_path / "scans"))
    scan = find_scans(scans, inspector.model).scans[0]
    dark = (np.asarray(Image.open(scan.rgb)) * 0.3).astype(np.uint8)
    Image.fromarray(dark).save(scan.rgb)
    code = predict_scans(_lenient(inspector), [str(scans)], Output(None, "jsonl", ()))
    assert code == ExitCode.UNLIKE_TRAINING == 6
    lines = {row["id"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    line = lines.pop(scan.id)
    assert line["status"] == "unlike training"
    assert "too dark" in line["reason"]
    assert "defective" not in line
    assert all(row["status"] == "good" and not row["defective"] for row in lines.values())


def test_a_bundle_without_likeness_decides_as_before(
    inspector: Inspector, test_scans: Path
) -> None:
    raw = _scan(inspector, test_scans)
    old = Inspector(replace(inspector.model, likeness=None))
    assert old.inspect((raw.rgb * 0.3).astype(np.uint8), raw.points).unlike is None
