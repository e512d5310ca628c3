"""Extraction: from files and from memory, its share of the limit, and beside the published form."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from bench import flops, oracle, scenes
from bench.figures import Figure, Row, seconds_of
from bench.harness import Bench
from bench.project import Finished
from bench.split import split
from mentor3ad.compute.device import prefers_bfloat16, scan_threads
from mentor3ad.dataset.grid import PATCH, PATCHES
from mentor3ad.dataset.manifest import Manifest, load_foreground
from mentor3ad.extraction.batched import BatchExtractor
from mentor3ad.extraction.category import extract_category
from mentor3ad.extraction.scan import Backbones, Fast, extract_features, scan_geometry
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Features
from mentor3ad.preparation.prepare import PreparedScan, load_scan
from testbed.extracted import batch_of

IN_MEMORY = 8  # scans at most
GPU_BATCH = 16  # scans in a call; on the CPU one, as the stage does


def extract(bench: Bench) -> list[Row]:
    rows = []
    for name, project in (("demo", bench.demo), ("paper", bench.paper)):
        rows.append(Row(f"{name}, from files", _from_files(bench, project)))
        scans = _prepared_scans(project)[:IN_MEMORY]
        rows.append(
            Row(f"{name}, from memory", _from_memory(bench, scans, project.params.features))
        )
    return rows


def published(bench: Bench) -> list[Row]:
    """At the published code's settings: 1,024 groups of 128, all 784 tokens, metres, the sample's
    own BatchNorm statistics; ours ends at the factored cache, the published form at dense maps."""
    options = published_options(bench.paper_params.features)
    scans = [scenes.scan(seed) for seed in range(4 if bench.quick else 8)]
    forms = {"ours": options}
    if prefers_bfloat16(bench.device):
        rounded = options.model_copy(update={"precision": "bfloat16"})
        of_part = {"rgb": options.rgb.model_copy(update={"tokens": "foreground"})}
        forms["ours, bfloat16"] = rounded
        forms["ours, bfloat16, tokens of the part"] = rounded.model_copy(update=of_part)
    ours = {name: _from_memory(bench, scans, form) for name, form in forms.items()}
    plain = Backbones.load(options, torch.device("cpu"))

    def reference() -> None:
        points = options.points
        oracle.extract(scans[0], plain.rgb, plain.points, points.groups, points.group_size)

    seconds = seconds_of(reference, bench.runs(2), warm_up=0 if bench.quick else 1)
    points = int(scans[0].foreground.sum())
    rows = [Row("published, plain", {"points": points, "scans": 1, "scans_per_s": 1 / seconds})]
    for name, figures in ours.items():
        ratio = float(figures["scans_per_s"]) * seconds  # type: ignore[arg-type]
        rows.append(Row(name, {"points": points, **figures, "times_published": ratio}))
    return rows


def published_options(paper: Features) -> Features:
    points = paper.points.model_copy(
        update={"groups": 1024, "group_size": 128, "norm_stats": "sample", "normalize": "none"}
    )
    rgb = paper.rgb.model_copy(update={"tokens": "all"})
    return paper.model_copy(update={"points": points, "rgb": rgb, "layout": "factored"})


def _from_files(bench: Bench, project: Finished) -> dict[str, Figure]:
    """`extract_category`, counted from the first shard to the last: the backbones are loaded."""
    features, category = project.params.features, project.params.data.categories[0]
    stamps: list[float] = []

    def bar(shards: Sequence[int]) -> Iterator[int]:
        stamps.append(time.perf_counter())
        yield from shards
        stamps.append(time.perf_counter())

    out = bench.folder / f"extracted-{time.monotonic_ns()}"
    done = extract_category(
        Project(project.root).prepared(category),
        project.root / project.params.data.root,
        out / "features.zarr",
        features,
        out / "staging",
        bench.device,
        bar,
    )
    seconds = stamps[1] - stamps[0]
    return {"scans": done.scans, "scans_per_s": done.scans / seconds} | _share(
        bench, features, _prepared_scans(project), seconds / done.scans
    )


def _from_memory(
    bench: Bench, scans: Sequence[PreparedScan], features: Features
) -> dict[str, Figure]:
    """Prepared scans to arrays of features, side by side as the stage computes them."""
    backbones = Backbones.load(features, bench.device)
    size = 1 if bench.device.type == "cpu" else GPU_BATCH
    calls = [scans[i : i + size] for i in range(0, len(scans), size)]
    call = _extraction(backbones, features)

    with scan_threads(bench.device) as pool:
        seconds = seconds_of(lambda: list(pool.map(call, calls)), bench.runs(2), bench.device)
        of_one = split(lambda: call(scans[:1]), bench.device)  # on one thread, as each of the pool
    figures = _share(bench, features, scans, seconds / len(scans))
    return {"scans": len(scans), "scans_per_s": len(scans) / seconds} | figures | of_one


def _extraction(
    backbones: Backbones, features: Features
) -> Callable[[Sequence[PreparedScan]], object]:
    """What the stage does with some prepared scans on the backbones' device."""
    if backbones.device.type != "cpu":
        extractor = BatchExtractor(backbones, features)
        return lambda scans: extractor(batch_of(extractor, scans))
    fast = Fast.of(backbones)

    def one_by_one(scans: Sequence[PreparedScan]) -> None:
        geometry = [scan_geometry(scan, features.points) for scan in scans]
        extract_features(scans, geometry, fast, features)

    return one_by_one


def _share(
    bench: Bench, features: Features, scans: Sequence[PreparedScan], seconds: float
) -> dict[str, Figure]:
    """Of one scan in so many seconds."""
    work = np.mean([flops.extraction(features, foreground_patches(scan)) for scan in scans])
    precision = getattr(features, "precision", "float32")
    return bench.limits.heavy(float(work), seconds, precision, bench.device)


def foreground_patches(scan: PreparedScan) -> int:
    """Of the 784, those that hold foreground."""
    tiles = scan.foreground.reshape(PATCHES, PATCH, PATCHES, PATCH)
    return int(tiles.any(axis=(1, 3)).sum())


def _prepared_scans(project: Finished) -> list[PreparedScan]:
    category = project.params.data.categories[0]
    folder = Project(project.root).prepared(category)
    manifest = Manifest.load(folder)
    root, foreground = project.root / project.params.data.root, load_foreground(folder, manifest)
    pairs = zip(manifest.rows, foreground, strict=True)
    return [load_scan(root, row, mask) for row, mask in pairs]
