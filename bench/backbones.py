"""Pairs of backbones on one made-up part: what they make of a scan, and what that costs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench import flops, scenes
from bench.extraction import GPU_BATCH, foreground_patches
from bench.figures import Row, seconds_of
from bench.harness import Bench
from mentor3ad.compute.device import scan_threads
from mentor3ad.extraction.batched import BatchExtractor
from mentor3ad.extraction.scan import (
    Backbones,
    Fast,
    extract_features,
    scan_geometry,
    views_of,
)
from mentor3ad.params.schema import Features
from mentor3ad.preparation.prepare import PreparedScan, prepare_raw
from testbed.extracted import batch_of

LITE = "tf_efficientnet_lite0"
LIGHT = {
    "rgb": {"model": LITE, "size": 400},
    "points": {"model": "normals", "normals": {"model": LITE, "size": 400}},
}
# What is changed of the params: of the demo's, or of the paper's.
PAIRS: dict[str, tuple[bool, dict[str, Any]]] = {
    "paper: DINO ViT-B/8, all tokens; Point-MAE, 1,024 groups": (True, {}),
    "demo: DINO ViT-B/8, tokens of the part; Point-MAE, 512 groups": (False, {}),
    "light: EfficientNet-Lite0; normals, the same": (False, LIGHT),
    "Wide ResNet-50-2 at 224; normals, EfficientNet-Lite0": (
        False,
        LIGHT | {"rgb": {"model": "wide_resnet50_2", "size": 224}},
    ),
    "DINOv2 ViT-S/14 at 224; normals, EfficientNet-Lite0": (
        False,
        LIGHT | {"rgb": {"model": "vit_small_patch14_reg4_dinov2", "size": 224}},
    ),
}


def backbones(bench: Bench) -> list[Row]:
    """The preparation that a pair wants counts to its seconds, files do not."""
    return [
        Row(name, _figures(bench, _changed(bench, paper, changes)))
        for name, (paper, changes) in PAIRS.items()
    ]


def _changed(bench: Bench, paper: bool, changes: dict[str, Any]) -> Features:
    params = bench.paper_params if paper else bench.params
    content = params.features.model_dump()
    for modality, values in changes.items():
        nested = {k: v for k, v in values.items() if isinstance(v, dict)}
        content[modality] |= values
        for key, inner in nested.items():
            content[modality][key] = params.features.model_dump()[modality][key] | inner
        content[modality]["weights"] = "random"
    return Features.model_validate(content)


def _figures(bench: Bench, options: Features) -> dict[str, Any]:
    networks = Backbones.load(options, bench.device)
    raws = [scenes.raw(seed) for seed in range(4 if bench.quick else 8)]
    preparation = bench.params.data.preparation.model_copy(update={"crop": "part"})
    views = views_of(options)

    def prepared(seed: int) -> PreparedScan:
        return prepare_raw(raws[seed], preparation, "made-up", views)

    extract = _extraction(networks, options)
    calls = [range(i, i + 1) for i in range(len(raws))]
    if bench.device.type != "cpu":
        calls = [range(i, min(i + GPU_BATCH, len(raws))) for i in range(0, len(raws), GPU_BATCH)]
    with scan_threads(bench.device) as pool:

        def work() -> list[dict[str, np.ndarray]]:
            return list(pool.map(lambda part: extract([prepared(i) for i in part]), calls))

        seconds = seconds_of(work, bench.runs(3), bench.device) / len(raws)
        arrays = work()[0]
    one = {name: array[0] for name, array in arrays.items()}
    values = sum(one[name].size for name in ("rgb", "xyz", "tokens") if name in one)
    operations = flops.extraction(options, foreground_patches(prepared(0)))
    return {
        "grid": "x".join(map(str, one["rgb"].shape)),
        "of_points": "x".join(map(str, one["xyz" if "xyz" in one else "tokens"].shape)),
        "features": values,
        "gflop": operations / 1e9,
        "scan_s": seconds,
        "bytes": sum(array.nbytes for array in one.values()),
    }


def _extraction(
    networks: Backbones, options: Features
) -> Callable[[Sequence[PreparedScan]], dict[str, np.ndarray]]:
    if networks.device.type != "cpu":
        extractor = BatchExtractor(networks, options)
        return lambda scans: extractor(batch_of(extractor, scans))
    fast = Fast.of(networks)

    def one_by_one(scans: Sequence[PreparedScan]) -> dict[str, np.ndarray]:
        geometry = [scan_geometry(scan, options.points) for scan in scans]
        return extract_features(scans, geometry, fast, options)

    return one_by_one
