"""What a feature store says that it depends on: the paper's backbones as ever, others in full."""

import dataclasses

import pytest

from mentor3ad.dataset.manifest import Manifest, ManifestRow
from mentor3ad.extraction.identity import store_manifest
from mentor3ad.params.schema import Features, Params
from tests.options import preparation

HASHES = {"rgb": "0" * 64, "points": "1" * 64}
PRECISION = {"rgb": "float32", "points": "float32"}
ROW = ManifestRow(
    id="train/good/000",
    split="train",
    label=0,
    defect="good",
    rgb="a.png",
    points="a.tiff",
    mask=None,
    sha256="f" * 64,
    prepared_sha256="e" * 64,
    height=400,
    width=400,
    n_foreground=900,
)


def manifest(row: ManifestRow = ROW, **limits: float) -> Manifest:
    return Manifest(3, "rope", preparation(**limits), (row,))


@pytest.fixture
def light(params: Params) -> Features:
    """EfficientNet-Lite0 on small pictures of both modalities."""
    features = params.features
    network = {"model": "tf_efficientnet_lite0", "size": 64}
    normals = features.points.normals.model_copy(update=network)
    points = {"model": "normals", "normals": normals}
    return features.model_copy(
        update={
            "rgb": features.rgb.model_copy(update=network),
            "points": features.points.model_copy(update=points),
        }
    )


def test_stores_of_the_papers_backbones_are_as_before_there_was_a_choice(params: Params):
    made = store_manifest(manifest(), params.features, HASHES, PRECISION)
    assert list(made.inputs["rgb"]) == ["weights", "tokens", "precision"]
    own = ["weights", "groups", "group_size", "normalize", "norm_stats", "pool", "precision", "fps"]
    assert list(made.inputs["points"]) == own
    assert made.hashes == (ROW.prepared_sha256,)


def test_shapes_come_from_the_networks(light: Features):
    made = store_manifest(manifest(), light, HASHES, PRECISION)
    assert {spec.name: spec.shape for spec in made.arrays} == {
        "rgb": (8, 8, 152),
        "xyz": (8, 8, 152),
        "foreground": (224, 224),
    }


def test_a_view_depends_on_the_scans_files_too(light: Features):
    """It is made of raw pixels that no prepared array shows."""
    other = dataclasses.replace(ROW, sha256="d" * 64)
    one, two = (store_manifest(manifest(r), light, HASHES, PRECISION) for r in (ROW, other))
    assert one.hashes != two.hashes


def test_normals_depend_on_how_the_table_is_found(light: Features):
    one, two = (
        store_manifest(manifest(inlier_m=limit), light, HASHES, PRECISION)
        for limit in (0.004, 0.003)
    )
    assert one.sample_fingerprint != two.sample_fingerprint


def test_params_that_the_point_backbone_does_not_read_change_nothing(light: Features):
    points = light.points.model_copy(update={"groups": 99, "pool": True})
    other = light.model_copy(update={"points": points})
    one, two = (store_manifest(manifest(), f, HASHES, PRECISION) for f in (light, other))
    assert one.fingerprint == two.fingerprint
