"""Prediction equals evaluation, to the bit, on every scan that the stages have scored."""

import json
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.cache.maps import ANOMALY, ANOMALY_FILE, ANOMALY_KIND, SCORES, SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.found import Inspection
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.params.project import Project
from testbed.clone import CATEGORY
from tests.tiny_project import run_stages


def inspections(root: Path, models: Path) -> dict[str, Inspection]:
    """Of all scans of the category, train and validation too, by the manifest's id."""
    inspector = Inspector.load(models, CATEGORY, "cpu")
    scans = find_scans(root / "data/demo" / CATEGORY, inspector.model).scans
    return {scan.id: inspector.inspect_scan(scan) for scan in scans}


def assert_equal_to_the_stages(root: Path, found: dict[str, Inspection]) -> None:
    project = Project(root)
    scores = Store.open(project.scores(CATEGORY), SCORES_KIND, CATEGORY)
    anomaly = Store.open(project.votes(CATEGORY) / ANOMALY_FILE, ANOMALY_KIND, CATEGORY)
    assert found.keys() == set(scores.manifest.samples)
    for i, name in enumerate(scores.manifest.samples):
        np.testing.assert_array_equal(found[name].score_maps, scores.read(SCORES.name, i))
        np.testing.assert_array_equal(found[name].anomaly_map, anomaly.read(ANOMALY.name, i))
    evaluated = json.loads((project.evaluation(CATEGORY) / "metrics.json").read_text())
    for scan in evaluated["scans"]:
        one = found[scan["id"]]
        assert (one.score, one.defective) == (scan["score"], scan["defective"])
        assert one.threshold == evaluated["decisions"]["threshold"]


def test_a_project_predicts_what_its_stages_found(project: Path) -> None:
    assert_equal_to_the_stages(project, inspections(project, project))


def test_a_bundle_predicts_what_the_stages_found(project: Path, bundle: Path) -> None:
    assert_equal_to_the_stages(project, inspections(project, bundle))


def test_so_does_the_paper_rule_on_crops_in_a_dense_store_with_an_svm(tmp_path: Path) -> None:
    root = run_stages(
        tmp_path,
        data__crop="part",
        features__layout="dense",
        features__points__pool=True,
        voting__rule="paper",
        voting__ocsvm="maps",
        model__mgm__use_mentor=False,
        demo__train=2,
        demo__validation=1,
        demo__test_good=1,
        demo__test_defect=1,
    )
    assert_equal_to_the_stages(root, inspections(root, root))


LIGHT = {
    "features__rgb__model": "tf_efficientnet_lite0",
    "features__rgb__size": 64,
    "features__points__model": "normals",
    "features__points__normals__size": 96,
    "model__whitening__components": None,
    "demo__train": 2,
    "demo__validation": 1,
    "demo__test_good": 1,
    "demo__test_defect": 1,
}


@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_so_do_other_backbones(tmp_path: Path, layout: str) -> None:
    """A convolutional network on the image, and on the normals of a whole scan or a crop."""
    crop = "part" if layout == "factored" else "none"
    root = run_stages(tmp_path, **LIGHT, features__layout=layout, data__crop=crop)
    assert_equal_to_the_stages(root, inspections(root, root))


def test_so_does_a_bundle_with_other_backbones_in_it(tmp_path: Path) -> None:
    root = run_stages(tmp_path / "project", **LIGHT)
    write_bundle(root, CATEGORY, tmp_path / "bundle", with_backbones=True)
    (root / "params.yaml").unlink()  # nothing but the bundle is read
    assert_equal_to_the_stages(root, inspections(root, tmp_path / "bundle"))


def test_so_does_the_trusted_rule_with_a_memory_and_standardised_channels(tmp_path: Path) -> None:
    """A project, and a bundle, which holds the rows of the memory beside MGM's weights."""
    root = run_stages(
        tmp_path / "project",
        **LIGHT,
        model__whitening__standardise=True,
        model__memory__rows=200,
        model__memory__rgb=True,
        voting__rule="trusted",
        voting__maps=["rgb", "xyz", "mtr", "near_xyz", "near_rgb"],
    )
    assert_equal_to_the_stages(root, inspections(root, root))
    write_bundle(root, CATEGORY, tmp_path / "bundle")
    (root / "params.yaml").unlink()  # nothing but the bundle is read
    assert_equal_to_the_stages(root, inspections(root, tmp_path / "bundle"))


@pytest.mark.gpu
def test_a_gpu_predicts_what_the_cpu_does(project: Path, test_scans: Path, bundle: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_gpu, on_cpu = (Inspector.load(bundle, device=name) for name in ("cuda", "cpu"))
    for scan in find_scans(test_scans, on_cpu.model).scans:
        found, expected = on_gpu.inspect_scan(scan), on_cpu.inspect_scan(scan)
        np.testing.assert_allclose(found.score_maps, expected.score_maps, atol=0.02)
