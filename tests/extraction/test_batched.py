"""A batch on one device against scan after scan: geometry to the bit, networks in float32.

Stops: a scan's result in another's place, background that is not zero, a group that padding
entered.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor, nn

import mentor3ad.extraction.batched as batched
from mentor3ad.extraction.batched import BatchExtractor, shard_by_shard
from mentor3ad.extraction.memory import batch_bytes, network_bytes
from mentor3ad.extraction.scan import Backbones, Fast, extract_features, scan_geometry
from mentor3ad.features.channels import POINT_CHANNELS, PUBLISHED, Tokens
from mentor3ad.features.store import feature_arrays
from mentor3ad.params.schema import Features
from mentor3ad.plumbing.errors import DataError
from testbed.extracted import batch_of
from tests.batches import DEVICES

GROUPS, GROUP_SIZE = 16, 8
TOLERANCE = 2e-3  # two roundings to float16 of features of size 1


@pytest.fixture(scope="module")
def options(params) -> Features:
    values = {"groups": GROUPS, "group_size": GROUP_SIZE, "normalize": "unit_sphere"}
    values |= {"norm_stats": "sample", "pool": False}
    points = params.features.points.model_copy(update=values)
    rgb = params.features.rgb.model_copy(update={"tokens": "foreground"})
    update = {"layout": "factored", "precision": "float32", "points": points, "rgb": rgb}
    return params.features.model_copy(update=update)


@pytest.fixture(scope="module")
def scans(make_scan):
    """Of 1296, 400 and 784 points."""
    return [make_scan(seed, half) for seed, half in ((0, 18), (1, 10), (2, 14))]


def one_by_one(scans, backbones, options) -> dict[str, np.ndarray]:
    geometry = [scan_geometry(scan, options.points) for scan in scans]
    return extract_features(scans, geometry, Fast.of(backbones), options)


def together(scans, backbones: Backbones, options: Features, device: str):
    networks = (copy.deepcopy(n).to(device) for n in (backbones.rgb, backbones.points))
    extractor = BatchExtractor(Backbones(*networks, torch.device(device)), options)
    return extractor(batch_of(extractor, scans))


def varied(options: Features, **values: str) -> Features:
    return options.model_copy(
        update={
            "rgb": options.rgb.model_copy(update={"tokens": values["tokens"]}),
            "points": options.points.model_copy(update={"norm_stats": values["norm_stats"]}),
        }
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("tokens", "norm_stats"), [("foreground", "sample"), ("all", "running")])
def test_a_batch_is_its_scans_one_by_one(scans, backbones, options, tokens, norm_stats, device):
    options = varied(options, tokens=tokens, norm_stats=norm_stats)
    expected = one_by_one(scans, backbones, options)
    found = together(scans, backbones, options, device)
    assert found.keys() == expected.keys()
    assert_array_equal(found["index"], expected["index"])
    assert_array_equal(found["weight"], expected["weight"])
    for name in ("rgb", "tokens"):
        assert_allclose(found[name], expected[name], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_arrays_are_what_the_store_expects(scans, backbones, options, layout, device):
    options = options.model_copy(update={"layout": layout})
    arrays = together(scans[:1], backbones, options, device)
    expected = {
        s.name: (s.shape, s.dtype)
        for s in feature_arrays(layout, PUBLISHED.rgb, Tokens(GROUPS, POINT_CHANNELS))
    }
    assert {name: (a.shape[1:], str(a.dtype)) for name, a in arrays.items()} == expected


class Narrow(nn.Module):
    """The first 24 channels: a dense map of all takes seconds and a gigabyte."""

    def __init__(self, encoder: BatchExtractor) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *inputs: object) -> Tensor:
        return self.encoder(*inputs)[..., :24].contiguous()


@pytest.mark.parametrize("pool", [False, True])
def test_the_dense_layout_is_the_product_of_the_factors(scans, backbones, options, pool):
    points = options.points.model_copy(update={"pool": pool})
    options = options.model_copy(update={"layout": "dense", "points": points})
    extractor = BatchExtractor(backbones, options)
    extractor.points = Narrow(extractor.points)
    found = extractor(batch_of(extractor, scans[:2]))
    factors = one_by_one(scans[:2], backbones, options.model_copy(update={"layout": "factored"}))
    for i in range(2):
        tokens = torch.from_numpy(factors["tokens"][i, :, :24]).float()
        index, weight = (torch.from_numpy(factors[k][i].astype(float)) for k in ("index", "weight"))
        expected = batched.points_map(tokens, index, weight.float())
        expected = batched.pool_map(expected) if pool else expected
        assert_allclose(found["points"][i], expected, rtol=TOLERANCE, atol=TOLERANCE)
        assert_array_equal(found["foreground"][i] != 0, scans[i].foreground)


def test_the_networks_share_of_a_batch_does_not_matter(scans, backbones, options, monkeypatch):
    """Two scans at once, then the third alone."""
    expected = together(scans, backbones, options, "cpu")
    monkeypatch.setattr(batched, "scans_at_once", lambda *_: 2)
    found = together(scans, backbones, options, "cpu")
    for name, array in found.items():
        assert_allclose(array.astype(float), expected[name].astype(float), atol=TOLERANCE)


def test_too_few_points_is_a_sentence(scans, backbones, options):
    points = options.points.model_copy(update={"groups": 500})
    with pytest.raises(DataError, match="400 foreground points are too few for 500 groups"):
        together(scans, backbones, options.model_copy(update={"points": points}), "cpu")


def test_a_part_of_a_shard_has_the_bytes_of_the_whole(scans, backbones, options):
    """Positions 0 to 4 in shards of 3; scans of the last shard alone, and one of the first."""
    options = options.model_copy(update={"shard": 3})
    clouds = [batched.DeviceScan.of(scan, options) for scan in [*scans, *scans[:2]]]
    with shard_by_shard(clouds.__getitem__, 5, backbones, options) as compute:
        first, last = compute(range(3)), compute(range(3, 5))
        assert len(last["rgb"]) == 2
        for samples, whole in (([1], first), ([0, 2], first), ([4], last)):
            part = compute(samples)
            for name, array in part.items():
                assert_array_equal(array, whole[name][[i % 3 for i in samples]])


def test_memory_grows_with_what_it_holds(options):
    """Bytes of the largest arrays at the paper's settings: groups of 128 points, 128 channels."""
    points = options.points.model_copy(update={"groups": 1024, "group_size": 128})
    paper = options.model_copy(update={"points": points})
    assert network_bytes(paper, 2) > 1024 * 128 * 128 * 2
    assert network_bytes(paper, 4) > network_bytes(paper, 2) > network_bytes(options, 2)
    assert batch_bytes(paper) > 1024 * 128 * 3 * 8
    dense = paper.model_copy(update={"layout": "dense"})
    assert batch_bytes(dense) - batch_bytes(paper) == 224 * 224 * 1152 * 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device that torch can use")
def test_a_batch_takes_no_more_memory_than_stated(scans, backbones, options):
    from mentor3ad.extraction.memory import FIXED

    torch.cuda.reset_peak_memory_stats()
    together(scans * 4, replace(backbones), options, "cuda")
    limit = FIXED + 12 * (batch_bytes(options) + network_bytes(options, 4))
    assert torch.cuda.max_memory_allocated() < limit


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device that torch can use")
@pytest.mark.parametrize("layout", ["factored", "dense"])
def test_nothing_waits_for_the_device_but_the_end(scans, backbones, options, layout, monkeypatch):
    """No copy from pageable memory and no value read back, of a second batch of two parts."""
    monkeypatch.setattr("mentor3ad.backbones.batched.kernel.published_kernel", lambda: None)
    monkeypatch.setattr(batched, "scans_at_once", lambda *_: 2)
    points = options.points.model_copy(update={"pool": True})
    options = options.model_copy(update={"layout": layout, "points": points})
    networks = (copy.deepcopy(n).to("cuda") for n in (backbones.rgb, backbones.points))
    extractor = BatchExtractor(Backbones(*networks, torch.device("cuda")), options)
    extractor(batch_of(extractor, scans))
    batch = batch_of(extractor, scans)
    torch.cuda.set_sync_debug_mode("error")
    try:
        extractor(batch)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device that torch can use")
def test_two_runs_on_cuda_have_the_same_bytes(scans, backbones, options):
    one, two = (together(scans, backbones, options, "cuda") for _ in range(2))
    assert {k: v.tobytes() for k, v in one.items()} == {k: v.tobytes() for k, v in two.items()}
