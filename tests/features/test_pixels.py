"""Features of single pixels: a fast path beside the dense maps, and equal to them."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from mentor3ad.features.interpolation import pixel_weights
from mentor3ad.features.pixels import NewTable, PixelFeatures
from mentor3ad.features.space import Components, FeatureSpace
from mentor3ad.features.store import ScanFeatures
from mentor3ad.training.mapped import scratch_table
from tests.dense import rgb_map

CPU = torch.device("cpu")
RGB, POINTS, GROUPS = 32, 24, 10  # few channels: the dense maps stay small


def scan_features(seed: int, pool: bool) -> ScanFeatures:
    """Random factors of a foreground that touches the image's borders and has holes."""
    rng = np.random.default_rng(seed)
    foreground = np.zeros((224, 224), bool)
    foreground[:40, 200:] = rng.random((40, 24)) < 0.7
    foreground[100:150, 90:130] = True
    foreground[222:, :3] = True
    points = rng.uniform(-1, 1, (foreground.sum(), 3)).astype(np.float32)
    index, weight = pixel_weights(points, points[rng.permutation(len(points))[:GROUPS]], foreground)
    return ScanFeatures(
        rgb=rng.normal(size=(28, 28, RGB)).astype(np.float16),
        foreground=foreground,
        pool=pool,
        tokens=rng.normal(size=(GROUPS, POINTS)).astype(np.float16),
        index=index,
        weight=weight,
    )


def as_dense(scan: ScanFeatures) -> ScanFeatures:
    points = scan.points_map().numpy().astype(np.float16)
    return ScanFeatures(scan.rgb, scan.foreground, pool=False, points=points)


def on_grids(scan: ScanFeatures) -> ScanFeatures:
    """Cells of two sides, neither of which divides 224."""
    rng = np.random.default_rng(int(scan.foreground.sum()))
    rgb = rng.normal(size=(30, 30, RGB)).astype(np.float16)
    xyz = rng.normal(size=(50, 50, POINTS)).astype(np.float16)
    return ScanFeatures(rgb, scan.foreground, pool=False, xyz=xyz)


@pytest.fixture(params=["plain", "pooled", "dense", "grids"])
def scans(request) -> list[ScanFeatures]:
    if request.param == "grids":
        return [on_grids(scan_features(seed, pool=False)) for seed in range(2)]
    scans = [scan_features(seed, request.param == "pooled") for seed in range(2)]
    return [as_dense(scan) for scan in scans] if request.param == "dense" else scans


def every_pixel(features: PixelFeatures) -> tuple[Tensor, Tensor]:
    """Scan and pixel of every third foreground pixel of all scans, mixed."""
    pairs = [(s, p) for s, pixels in enumerate(features.foreground) for p in pixels[::3]]
    order = np.random.default_rng(0).permutation(len(pairs))
    scan, pixel = torch.tensor(pairs)[torch.from_numpy(order)].T
    return scan, pixel


def test_foreground_is_every_pixel_with_a_point(scans):
    features = PixelFeatures(scans, CPU)
    assert len(features) == 2
    for scan, pixels in zip(scans, features.foreground, strict=True):
        assert np.array_equal(pixels, np.flatnonzero(scan.foreground))


def test_gathered_points_equal_the_dense_map(scans):
    features = PixelFeatures(scans, CPU)
    scan, pixel = every_pixel(features)
    maps = torch.stack([s.points_map().flatten(0, 1) for s in scans])
    _, points = features.gather(scan, pixel)
    torch.testing.assert_close(points, maps[scan, pixel], rtol=1e-5, atol=2e-6)


def test_gathered_rgb_equals_the_dense_map(scans):
    features = PixelFeatures(scans, CPU)
    scan, pixel = every_pixel(features)
    maps = torch.stack([rgb_map(torch.from_numpy(s.rgb).float()).flatten(0, 1) for s in scans])
    rgb, _ = features.gather(scan, pixel)
    torch.testing.assert_close(rgb, maps[scan, pixel], rtol=1e-5, atol=2e-6)


def test_gathered_features_are_float32(scans):
    features = PixelFeatures(scans, CPU)
    rgb, points = features.gather(*every_pixel(features))
    assert (rgb.dtype, points.dtype) == (torch.float32, torch.float32)


def test_features_of_a_pixel_do_not_depend_on_the_scans_beside_it(scans):
    """To the bit: an index offset by a wrong scan would read another part's tokens."""
    both, alone = PixelFeatures(scans, CPU), PixelFeatures(scans[1:], CPU)
    pixel = torch.from_numpy(alone.foreground[0])
    one = both.gather(torch.ones_like(pixel), pixel)
    two = alone.gather(torch.zeros_like(pixel), pixel)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_wide_tables_give_the_bits_of_narrow_ones(scans):
    """Of float32 tables all taps are summed in one pass, else one after the other."""
    features = PixelFeatures(scans, CPU)
    for taps, table in zip(features.taps(*every_pixel(features)), features.tables, strict=True):
        assert table.dtype == torch.float16
        assert torch.equal(taps.sum(table.float()), taps.sum(table))


def in_some_space(scans: list[ScanFeatures], new_table: NewTable | None = None) -> PixelFeatures:
    space = FeatureSpace(4)
    space.rgb, space.xyz = Components(RGB, 5), Components(POINTS, 5)
    rng = torch.Generator().manual_seed(0)
    for values in space.buffers():
        values.normal_(generator=rng)
    return PixelFeatures(scans, CPU, new_table=new_table).in_space(space)


def test_mapped_tables_give_the_bits_of_those_in_memory(scans, tmp_path):
    new_table = partial(scratch_table, tmp_path)
    resident, mapped = PixelFeatures(scans, CPU), PixelFeatures(scans, CPU, new_table=new_table)
    at = every_pixel(resident)
    for one, two in ((resident, mapped), (in_some_space(scans), in_some_space(scans, new_table))):
        assert all(torch.equal(a, b) for a, b in zip(one.gather(*at), two.gather(*at), strict=True))


def test_a_scan_in_a_space_does_not_depend_on_the_scans_beside_it(scans):
    """To the bit, though the shapes of matrix products decide about theirs."""
    both, alone = in_some_space(scans), in_some_space(scans[1:])
    pixel = torch.from_numpy(alone.foreground[0])
    one = both.gather(torch.ones_like(pixel), pixel)
    two = alone.gather(torch.zeros_like(pixel), pixel)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
