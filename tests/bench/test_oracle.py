"""The plain renderings against ours and against the golden vectors."""

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from bench import oracle, scenes
from bench.extraction import published_options
from mentor3ad.backbones.grouping import group_points
from mentor3ad.backbones.point_mae import PointMAE
from mentor3ad.evaluation.aupro import aupro, pro_curve
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.extraction.scan import Fast, extract_features, scan_geometry
from mentor3ad.features.store import ScanFeatures
from tests.dense import rgb_map
from tests.evaluated import aupro_all_thresholds
from tests.golden_weights import filled_state
from tests.paths import ROOT

AUPRO = ROOT / "tests/golden" / "07_aupro"
GROUPS, GROUP_SIZE = 32, 16


def test_extraction_equals_ours(backbones, params):
    """Both maps of a small scan, to the float16 that ours are stored in."""
    features = published_options(params.features)
    sizes = {"groups": GROUPS, "group_size": GROUP_SIZE, "pool": True}
    points = features.points.model_copy(update=sizes)
    features = features.model_copy(update={"points": points})
    if hasattr(features, "precision"):
        features = features.model_copy(update={"precision": "float32"})
    scan = scenes.scan(side=30)
    arrays = extract_features([scan], [scan_geometry(scan, points)], Fast.of(backbones), features)
    ours = ScanFeatures.of({name: array[0] for name, array in arrays.items()}, pool=True)
    rgb, xyz = oracle.extract(scan, backbones.rgb, backbones.points, GROUPS, GROUP_SIZE)
    expected = rgb_map(torch.from_numpy(ours.rgb).float())
    torch.testing.assert_close(rgb, expected, rtol=2e-3, atol=2e-3)
    torch.testing.assert_close(xyz, ours.points_map(), rtol=3e-3, atol=3e-3)


def test_groups_equal_ours():
    points = scenes.cloud(900)
    ours = group_points(points, GROUPS, GROUP_SIZE)
    cloud = torch.from_numpy(points)
    centres = oracle.furthest_points(cloud, GROUPS)
    assert_array_equal(centres.numpy(), ours.centre_index)
    index = oracle.nearest_points(cloud, cloud[centres], GROUP_SIZE).numpy()
    assert_array_equal(np.sort(index, axis=1), np.sort(ours.index, axis=1))


def test_tokens_are_the_reference(golden):
    expected = golden("03_point_mae/small_metric.npz")
    encoder = PointMAE()
    encoder.load_state_dict(filled_state(encoder))
    groups = group_points(expected["points"], 128, 32)
    inputs = torch.from_numpy(groups.neighbourhoods), torch.from_numpy(groups.centres)
    with torch.inference_mode():
        tokens = oracle.point_tokens(encoder.eval(), *inputs).numpy()
    assert_allclose(tokens[:, expected["rows"]], expected["features_bnbatch"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["small_continuous", "small_ties"])
@pytest.mark.parametrize("limit", [0.3, 0.01])
def test_aupro_is_the_reference(name, limit):
    expected = json.loads((AUPRO / "expected.json").read_text())[name]["aupro_all_thresholds"]
    with np.load(AUPRO / f"{name}.npz") as stored:
        maps, masks = stored["score"], stored["gt"] != 0
    found = oracle.aupro_all_thresholds(maps, masks, limit)
    assert found == pytest.approx(expected[str(limit)], abs=1e-9)
    assert found == pytest.approx(aupro_all_thresholds(rank_pixels(maps, masks), [limit])[0])


def test_aupro_of_maps_without_ties_is_the_exact_one():
    maps, masks = scenes.maps_and_masks(2)
    exact = aupro(pro_curve(rank_pixels(maps, masks)), [0.3])[0]
    assert oracle.aupro_all_thresholds(maps, masks, 0.3) == pytest.approx(exact, abs=1e-4)
