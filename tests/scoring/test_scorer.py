"""The scoring path against its plain form: all foreground pixels at once, under autocast."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import mentor3ad.scoring.scorer as scoring
from mentor3ad.compute.device import autocast
from mentor3ad.dataset.grid import SIZE
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import ScanFeatures
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.mentor.losses import cosine_difference
from mentor3ad.scoring.scorer import STEP, Scorer
from tests.batches import DEVICES

CPU = torch.device("cpu")
GROUPS = 40


def features(rows: slice, pool: bool = False) -> PixelFeatures:
    return PixelFeatures([scan_features(rows, pool)], CPU)


def scan_features(rows: slice, pool: bool, seed: int = 0) -> ScanFeatures:
    """A scan whose foreground is a band of rows."""
    rng = np.random.default_rng(seed)
    weight = np.zeros((SIZE, SIZE, 3), dtype=np.float16)
    weight[rows] = rng.dirichlet((1, 1, 1), (SIZE, SIZE))[rows]
    return ScanFeatures(
        rgb=rng.normal(size=(28, 28, 768)).astype(np.float16),
        foreground=(weight != 0).any(axis=-1),
        pool=pool,
        tokens=rng.normal(size=(GROUPS, 1152)).astype(np.float16),
        index=rng.integers(0, GROUPS, (SIZE, SIZE, 3)).astype(np.uint16),
        weight=weight,
    )


def modules(components: int | None, use_mentor: bool = True) -> tuple[Fusion, Guidance]:
    """No parameter at a value that hides what becomes of it; offsets larger than the features."""
    torch.manual_seed(0)
    fusion = Fusion(8, 16, components)
    guidance = Guidance(8, 16, use_mentor, components=components)
    for mlp in (fusion.rgb, fusion.xyz, fusion.outer):
        torch.nn.init.uniform_(mlp[0].weight, 0.5, 2)
        torch.nn.init.normal_(mlp[0].bias)
    if fusion.space.rgb is not None:
        for space in (fusion.space.rgb, fusion.space.xyz):
            torch.nn.init.normal_(space.basis, std=0.05)
            torch.nn.init.normal_(space.offset, std=3)
    return fusion.eval().requires_grad_(False), guidance.eval().requires_grad_(False)


@torch.inference_mode()
def plain_maps(data: PixelFeatures, fusion: Fusion, guidance: Guidance, precision: str):
    pixel = torch.from_numpy(data.foreground[0])
    rgb, xyz = data.in_space(fusion.space).gather(torch.zeros_like(pixel), pixel)
    with autocast(CPU, precision):
        rgb_predicted, xyz_predicted = guidance(rgb, xyz, fusion(rgb, xyz))
        pairs = [(rgb_predicted, rgb), (xyz_predicted, xyz)]
        pairs += [(fusion(rgb_predicted, xyz_predicted), fusion(rgb, xyz))]
    maps = np.zeros((3, SIZE * SIZE), dtype=np.float32)
    maps[:, pixel] = np.stack([cosine_difference(a, b) for a, b in pairs])
    return maps.reshape(3, SIZE, SIZE)


@pytest.mark.parametrize("components", [None, 12])
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("use_mentor", [False, True])
@pytest.mark.parametrize(("precision", "atol"), [("float32", 2e-6), ("bfloat16", 2e-2)])
def test_maps_equal_those_of_all_pixels_at_once(components, pool, use_mentor, precision, atol):
    data = features(slice(60, 75), pool)
    parts = modules(components, use_mentor)
    found = Scorer(*parts, precision).score_maps(data, 0)
    np.testing.assert_allclose(found, plain_maps(data, *parts, precision), rtol=0, atol=atol)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("components", [None, 12])
@pytest.mark.parametrize("pool", [False, True])
def test_scans_together_have_the_maps_of_each_alone(components, pool, device):
    scans = [scan_features(rows, pool, i) for i, rows in enumerate((slice(3), slice(60, 75)))]
    fusion, guidance = modules(components)
    alone = [
        Scorer(fusion, guidance, "float32").score_maps(PixelFeatures([s], CPU), 0) for s in scans
    ]
    there = Scorer(fusion.to(device), guidance.to(device), "float32")
    found = there.score_together(PixelFeatures(scans, torch.device(device)))
    np.testing.assert_allclose(found, alone, rtol=0, atol=5e-6)


def test_the_modules_that_are_scored_with_stay_as_they_are():
    fusion, guidance = modules(12)
    Scorer(fusion, guidance, "bfloat16")
    assert {p.dtype for m in (fusion, guidance) for p in m.parameters()} == {torch.float32}


@pytest.mark.parametrize("rows", [slice(0, 12), slice(100, 103), slice(100, 101)])
def test_no_more_than_a_tile_is_scored_at_once_whatever_the_foreground(monkeypatch, rows):
    monkeypatch.setattr(scoring, "TILE", 512)
    sizes = []
    whole = Scorer.pixel_scores

    def counted(self, rgb, xyz):
        sizes.append(len(rgb[0]))
        return whole(self, rgb, xyz)

    monkeypatch.setattr(Scorer, "pixel_scores", counted)
    Scorer(*modules(12), "float32").score_maps(features(rows), 0)
    assert max(sizes) <= 512
    assert {size % STEP for size in sizes} == {0}


def test_the_background_is_zero_and_the_foreground_is_not():
    maps = Scorer(*modules(12), "float32").score_maps(features(slice(100, 130)), 0)
    assert (maps[:, 100:130] != 0).all()
    assert (maps[:, :100] == 0).all()
    assert (maps[:, 130:] == 0).all()


def test_a_scan_without_foreground_is_all_zero():
    maps = Scorer(*modules(12), "float32").score_maps(features(slice(0, 0)), 0)
    assert not maps.any()


def test_tiles_side_by_side_give_the_bits_of_one_after_the_other(monkeypatch):
    monkeypatch.setattr(scoring, "TILE", 256)
    scorer, data = Scorer(*modules(None), "auto"), features(slice(60, 65))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = scorer.score_maps(data, 0)
    finally:
        torch.set_num_threads(threads)
    with ThreadPoolExecutor(3, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        together = scorer.score_maps(data, 0, pool.map)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(scorer.score_one(data), alone)
    assert torch.get_num_threads() == threads


def with_memories(plain: Guidance) -> Guidance:
    """MGM with the same weights, and good features of both modalities."""
    kept = {"rows": 50, "neighbours": 4, "ridge": 0.1, "rgb": True}
    guidance = Guidance(**(plain.config | {"memory": kept}))
    guidance.load_state_dict(plain.state_dict(), strict=False)
    for memory in guidance.kept.values():
        memory.remember(torch.randn(memory.rows.shape))
    return guidance.eval().requires_grad_(False)


def test_a_memory_adds_its_maps_behind_those_of_equation_5():
    """Each block of 4 x 4 pixels asks once, for one of its pixels; nothing else changes."""
    data = features(slice(40, 47))
    fusion, plain = modules(12)
    guidance = with_memories(plain)
    scorer = Scorer(fusion, guidance, "float32")
    assert scorer.maps == ("rgb", "xyz", "mtr", "near_xyz", "near_rgb")
    maps = scorer.score_maps(data, 0)
    np.testing.assert_array_equal(maps, scorer.score_one(data))
    np.testing.assert_array_equal(maps[:3], Scorer(fusion, plain, "float32").score_maps(data, 0))
    pixel = torch.tensor([41 * SIZE + 9])
    pair = data.in_space(fusion.space).gather(torch.zeros_like(pixel), pixel)
    for k, (name, one) in enumerate(zip(("rgb", "xyz"), pair, strict=True)):
        block = maps[4 - k, 40:44, 8:12]
        assert block == pytest.approx(guidance.kept[name].distances(one).item(), rel=1e-4)
    assert not maps[:, 47:].any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("components", [None, 12])
@pytest.mark.parametrize("pool", [False, True])
def test_memories_are_asked_together_as_one_scan_after_the_other(components, pool, device):
    scans = [scan_features(rows, pool, i) for i, rows in enumerate((slice(3), slice(60, 75)))]
    fusion, plain = modules(components)
    guidance = with_memories(plain)
    one = Scorer(fusion, guidance, "float32")
    alone = [one.score_maps(PixelFeatures([s], CPU), 0) for s in scans]
    there = Scorer(fusion.to(device), guidance.to(device), "float32")
    found = there.score_together(PixelFeatures(scans, torch.device(device)))
    assert found.shape[1] == 5
    np.testing.assert_allclose(found, alone, rtol=1e-4, atol=5e-6)
