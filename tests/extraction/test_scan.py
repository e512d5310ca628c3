"""Extraction: some scans as one by one, factored as dense.

The ViT has two of its twelve blocks here (see conftest), the encoder all of its own.
"""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from mentor3ad.compute.device import scan_threads
from mentor3ad.extraction.scan import (
    Backbones,
    Fast,
    extract_features,
    extract_one,
    precisions,
    scan_geometry,
)
from mentor3ad.features.channels import POINT_CHANNELS, PUBLISHED, Tokens
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import ScanFeatures, feature_arrays
from mentor3ad.params.schema import Features
from mentor3ad.plumbing.errors import DataError

GROUPS, GROUP_SIZE = 16, 8
HALF_STEP = 2.0**-11  # relative error of a value rounded to float16


@pytest.fixture(scope="module")
def options(params) -> Features:
    points = params.features.points.model_copy(
        update={
            "groups": GROUPS,
            "group_size": GROUP_SIZE,
            "normalize": "unit_sphere",
            "norm_stats": "running",
            "pool": False,
        }
    )
    rgb = params.features.rgb.model_copy(update={"tokens": "foreground"})
    return params.features.model_copy(update={"layout": "factored", "points": points, "rgb": rgb})


@pytest.fixture(scope="module")
def scans(make_scan):
    return [make_scan(seed) for seed in range(3)]


def extract(scans, backbones, options):
    geometry = [scan_geometry(scan, options.points) for scan in scans]
    fast = backbones if isinstance(backbones, Narrow) else Fast.of(backbones)
    return extract_features(scans, geometry, fast, options)


def with_points(options: Features, **values: object) -> Features:
    return options.model_copy(update={"points": options.points.model_copy(update=values)})


def with_tokens(options: Features, tokens: str) -> Features:
    return options.model_copy(update={"rgb": options.rgb.model_copy(update={"tokens": tokens})})


@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_arrays_are_what_the_store_expects(scans, backbones, options, layout):
    options = options.model_copy(update={"layout": layout})
    arrays = extract(scans[:1], backbones, options)
    expected = {
        s.name: (s.shape, s.dtype)
        for s in feature_arrays(layout, PUBLISHED.rgb, Tokens(GROUPS, POINT_CHANNELS))
    }
    assert {name: (a.shape[1:], str(a.dtype)) for name, a in arrays.items()} == expected


class Narrow:
    """The encoder's first 24 channels: a dense map of all takes seconds and a gigabyte."""

    def __init__(self, fast: Fast) -> None:
        self.rgb = fast.rgb
        self.points = lambda *inputs: fast.points(*inputs)[..., :24].contiguous()


def digests(arrays: dict[str, np.ndarray]) -> list[str]:
    """Of each scan of a call."""
    count = len(arrays["rgb"])
    scans = [b"".join(array[i].tobytes() for array in arrays.values()) for i in range(count)]
    return [hashlib.sha256(scan).hexdigest() for scan in scans]


@pytest.mark.parametrize("layout", ["factored", "dense"])
@pytest.mark.parametrize(
    ("tokens", "norm_stats"), [("foreground", "running"), ("all", "running"), ("all", "sample")]
)
def test_the_composition_of_a_call_changes_no_bit(
    scans, backbones, options, tokens, norm_stats, layout
):
    """Whatever the neighbours, their number and the place: a store that takes some scans from an
    earlier one has the same bytes as one that computes them all."""
    options = with_tokens(with_points(options, norm_stats=norm_stats), tokens)
    narrow = Narrow(Fast.of(backbones))
    options = options.model_copy(update={"layout": layout})
    alone = [digests(extract([scan], narrow, options))[0] for scan in scans]
    for order in ([0, 1, 2], [2, 0], [1, 2]):
        together = extract([scans[i] for i in order], narrow, options)
        assert digests(together) == [alone[i] for i in order]


def in_bfloat16(backbones: Backbones) -> Backbones:
    return replace(backbones, precision={"rgb": "bfloat16", "points": "bfloat16"})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("tokens", ["foreground", "all"])
def test_one_scan_on_all_cores_has_the_bits_of_extraction(
    scans, backbones, options, tokens, precision
):
    """Prediction equals evaluation to the bit."""
    if precision == "bfloat16":
        backbones = in_bfloat16(backbones)
    options = with_tokens(with_points(options, norm_stats="sample"), tokens)
    geometry = scan_geometry(scans[0], options.points)
    fast, threads = Fast.of(backbones), torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        one = extract_one(scans[0], geometry, fast, options)
        assert torch.get_num_threads() == 3
        with scan_threads(backbones.device) as pool:
            extracted = pool.submit(extract_features, [scans[0]], [geometry], fast, options)
            expected = extracted.result()
    finally:
        torch.set_num_threads(threads)
    assert digests({name: array[None] for name, array in one.items()}) == digests(expected)


@pytest.mark.parametrize("norm_stats", ["running", "sample"])
def test_bfloat16_features_are_those_of_float32(scans, backbones, options, norm_stats):
    """The error in the unit of what tells patches, or groups, apart. Residual branches are ten
    times as large here as the demo's random weights have them in the ViT."""
    options = with_points(options, norm_stats=norm_stats)
    exact, rounded = (
        extract(scans[:1], networks, options) for networks in (backbones, in_bfloat16(backbones))
    )
    for name in ("rgb", "tokens"):
        expected = exact[name].astype(np.float64).reshape(-1, exact[name].shape[-1])
        found = rounded[name].astype(np.float64).reshape(expected.shape)
        known = expected.any(axis=1)
        centred = expected[known] - expected[known].mean(axis=0)
        error = found[known] - expected[known]
        assert np.sqrt(np.square(error).mean() / np.square(centred).mean()) < 0.05
        norms = np.linalg.norm(expected[known], axis=1) * np.linalg.norm(found[known], axis=1)
        assert ((expected[known] * found[known]).sum(axis=1) / norms).min() > 0.9995
    assert (exact["rgb"] != rounded["rgb"]).any()  # bfloat16 was used at all


@pytest.mark.parametrize(
    ("hardware", "asked", "normalize", "rgb", "points"),
    [
        (True, "auto", "unit_sphere", "bfloat16", "bfloat16"),
        (True, "auto", "none", "bfloat16", "float32"),
        (True, "bfloat16", "none", "bfloat16", "bfloat16"),
        (True, "float32", "unit_sphere", "float32", "float32"),
        (False, "auto", "unit_sphere", "float32", "float32"),
    ],
)
def test_auto_is_what_the_hardware_has_and_metres_need(
    monkeypatch, options, hardware, asked, normalize, rgb, points
):
    monkeypatch.setattr("mentor3ad.compute.device.prefers_bfloat16", lambda device: hardware)
    options = with_points(options.model_copy(update={"precision": asked}), normalize=normalize)
    assert precisions(options, torch.device("cpu")) == {"rgb": rgb, "points": points}


def test_the_same_scan_gives_the_same_bytes(scans, backbones, options):
    one, two = (extract(scans[:1], backbones, options) for _ in range(2))
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in two.items()}


def test_a_full_foreground_gives_the_features_of_all_tokens(make_scan, backbones, options):
    full = make_scan(0, half=112)
    assert full.foreground.all()
    one, two = (extract([full], backbones, with_tokens(options, t)) for t in ("all", "foreground"))
    assert_array_equal(one["rgb"], two["rgb"])


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "pooled"])
def layouts(request, scans, backbones, options):
    """One scan's features from either layout."""
    options = with_points(options, pool=request.param)
    narrow = Narrow(Fast.of(backbones))
    factored = extract(scans[:1], narrow, options)
    dense = extract(scans[:1], narrow, options.model_copy(update={"layout": "dense"}))
    factored = ScanFeatures(
        factored["rgb"][0],
        (factored["weight"][0] != 0).any(axis=-1),
        request.param,
        tokens=factored["tokens"][0],
        index=factored["index"][0],
        weight=factored["weight"][0],
    )
    foreground = dense["foreground"][0] != 0
    return factored, ScanFeatures(dense["rgb"][0], foreground, False, points=dense["points"][0])


def test_both_layouts_agree_on_the_foreground(layouts, scans):
    for layout in layouts:
        assert_array_equal(layout.foreground, scans[0].foreground)


def test_factored_equals_dense_as_a_map(layouts):
    """But for the one rounding to float16 of the stored dense map."""
    factored, dense = (layout.points_map() for layout in layouts)
    assert ((factored - dense).abs() <= HALF_STEP * factored.abs() + 2.0**-25).all()


def test_factored_equals_dense_pixel_by_pixel(layouts):
    pixels = torch.from_numpy(np.flatnonzero(layouts[0].foreground))
    gathered = []
    for layout in layouts:
        features = PixelFeatures([layout], torch.device("cpu"))
        gathered.append(features.gather(torch.zeros_like(pixels), pixels))
    (rgb, points), (rgb_dense, points_dense) = gathered
    assert torch.equal(rgb, rgb_dense)
    assert_allclose(points_dense, points, rtol=1.01 * HALF_STEP, atol=2e-6)


def test_geometry_keeps_every_scan_in_its_own_unit(scans, options):
    """Normalised for the encoder only: the nearest centres are the same in metres."""
    unit = scan_geometry(scans[0], options.points)
    metres = scan_geometry(scans[0], with_points(options, normalize="none").points)
    assert np.abs(unit.groups.centres).max() > 0.5
    assert_array_equal(
        metres.groups.centres, scans[0].points[scans[0].foreground][metres.groups.centre_index]
    )
    assert_array_equal(unit.foreground, metres.foreground)


def test_too_few_points_is_a_sentence(scans, options):
    with pytest.raises(DataError, match=r"1296 foreground points are too few for 2000 groups"):
        scan_geometry(scans[0], with_points(options, groups=2000).points)


def test_an_empty_foreground_is_a_sentence(scans, options):
    empty = replace(scans[0], points=np.zeros_like(scans[0].points))
    for normalize in ("none", "unit_sphere"):
        with pytest.raises(DataError, match="foreground"):
            scan_geometry(empty, with_points(options, normalize=normalize).points)
