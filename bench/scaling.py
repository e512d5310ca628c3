"""How time grows: the exponent expected and the one measured, b of seconds = a * size^b.

A small size shows its constant part, so that a measured exponent may lie below the expected one;
above it, something grows that should not.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench import scenes
from bench.figures import Figure, Row, exponent, seconds_of
from bench.harness import Bench
from bench.machine import ram_gb
from bench.scoring import all_metrics
from bench.training import step_seconds, training_scans
from mentor3ad.backbones.fps import furthest_point_sampling
from mentor3ad.backbones.grouping import group_points
from mentor3ad.dataset.bitmaps import PACKED, BitMaps
from mentor3ad.dataset.scan import Split
from mentor3ad.extraction.batched import BatchExtractor, DeviceScan
from mentor3ad.extraction.category import CategoryScans, scan_by_scan
from mentor3ad.extraction.scan import Backbones, Fast
from mentor3ad.features.interpolation import nearest_centres
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Features
from mentor3ad.preparation.prepare import PreparedScan
from mentor3ad.training.data import training_features
from mentor3ad.voting.model import fit_voting
from mentor3ad.weights.load import load_point_backbone
from testbed.stores import store_category

CATEGORY = "made-up"
MB_A_SCAN = 4  # of memory once a simulated cache is loaded
STORED_GROUPS = 32  # of a simulated cache: a thousand scans in less than 2 GB


def scaling(bench: Bench) -> list[Row]:
    of_batch = (*_batch(bench), *_extraction(bench))
    return [*_scans(bench), *_points(bench), *_groups(bench), *of_batch]


def curve(
    what: str, sizes: Sequence[int], expected: str, work: Callable[[int], Callable[[], object]],
    runs: int, device: torch.device | None = None,
) -> Row:  # fmt: skip
    """Seconds of `work(size)()` at each size; of one run, the smallest alone warms up."""
    warm_up = [1, *(int(runs > 1) for _ in sizes[1:])]
    seconds = [seconds_of(work(n), runs, device, w) for n, w in zip(sizes, warm_up, strict=True)]
    return grown(what, sizes, expected, seconds)


def grown(what: str, sizes: Sequence[int], expected: str, seconds: Sequence[float]) -> Row:
    growth = exponent(sizes, seconds)
    figures: dict[str, Figure] = {"sizes": list(sizes), "seconds": list(seconds)}
    return Row(what, figures | {"expected": expected, "exponent": growth})


def _scans(bench: Bench) -> Iterator[Row]:
    memory = (ram_gb() or 0) * 1e9 / 2
    wanted = (10, 30, 100) if bench.quick else (10, 100, 300, 1000)
    sizes = [n for n in wanted if n <= 100 or n * MB_A_SCAN * 1e6 < memory]
    load = _simulated_cache(bench, sizes[-1])
    yield curve("scans: training's load", sizes, "1", load, 1, bench.device)
    maps = scenes.score_maps(20)
    options = bench.params.voting

    def vote(scans: int) -> Callable[[], object]:
        """A third held out; the maps repeat, which saves memory and no time."""
        every = [maps[i % len(maps)] for i in range(scans)]

        def work() -> None:
            model = fit_voting(every[: -scans // 3], every[-scans // 3 :], options)
            for one in every:
                model.anomaly_map(one)

        return work

    yield curve("scans: vote", sizes, "1", vote, 1)

    def metrics(scans: int) -> Callable[[], object]:
        return partial(all_metrics, *scenes.maps_and_masks(scans))

    yield curve("scans: all metrics", sizes, "1 (n log n, a sort)", metrics, 1)


def _simulated_cache(bench: Bench, scans: int) -> Callable[[int], Callable[[], object]]:
    """A prepared category and its feature store, of one scan's values; loads the first so many."""
    points = bench.params.features.points.model_copy(update={"groups": STORED_GROUPS})
    one = scenes.features(bench.params.features.model_copy(update={"points": points}))
    project = Project(bench.folder / f"cache-of-{scans}")
    splits: list[Split] = ["validation" if i < 2 else "train" for i in range(scans + 2)]
    store_category(project, CATEGORY, splits, lambda _: one, STORED_GROUPS, shard=32)

    def load(limit: int) -> Callable[[], object]:
        data = bench.params.data.model_copy(update={"train_limit": limit})
        return partial(
            training_features,
            bench.params.model_copy(update={"data": data}),
            CATEGORY,
            project.prepared(CATEGORY),
            project.features(CATEGORY),
            project.data / "staging",
            bench.device,
        )

    return load


def _points(bench: Bench) -> Iterator[Row]:
    """1,024 groups of 128."""
    sizes = (2000, 10000, 50000) if bench.quick else (2000, 5000, 10000, 20000, 50000)
    clouds = {size: scenes.cloud(size) for size in sizes}
    centres = {n: c[np.linspace(0, n - 1, 1024, dtype=int)] for n, c in clouds.items()}
    runs = bench.runs(3)
    yield curve(
        "points: FPS", sizes, "1; less by buckets",
        lambda n: partial(furthest_point_sampling, clouds[n], 1024), runs,
    )  # fmt: skip
    yield curve(
        "points: FPS and groups", sizes, "1; less by buckets",
        lambda n: partial(group_points, clouds[n], 1024, 128), runs,
    )  # fmt: skip
    yield curve(
        "points: 3-NN weights", sizes, "1",
        lambda n: partial(nearest_centres, clouds[n], centres[n]), runs,
    )  # fmt: skip


def _groups(bench: Bench) -> Iterator[Row]:
    """Of 32 of 15,129 points."""
    sizes, points = (256, 512, 1024, 2048), scenes.cloud(scenes.SIDE**2)
    runs = bench.runs(3)
    yield curve(
        "groups: FPS and groups", sizes, "1",
        lambda n: partial(group_points, points, n, 32), runs,
    )  # fmt: skip
    encoder = load_point_backbone("random", 0).to(bench.device)

    @torch.inference_mode()
    def encode(groups: int) -> Callable[[], object]:
        made = group_points(points, groups, 32)
        inputs = [torch.from_numpy(a[None]) for a in (made.neighbourhoods, made.centres)]
        neighbourhoods, centres = (a.to(bench.device) for a in inputs)

        @torch.inference_mode()
        def forward() -> None:
            encoder(neighbourhoods, centres)

        return forward

    yield curve("groups: point backbone", sizes, "1 to 2 (attention)", encode, runs, bench.device)


def _batch(bench: Bench) -> Iterator[Row]:
    """Pixels of each of 8 scans in a step, at the demo's widths."""
    sizes = (32, 128, 512) if bench.quick else (32, 64, 128, 256, 512)
    params = bench.params
    features = training_scans(bench, params)
    steps: list[tuple[float, float]] = []
    for size in sizes:
        model = params.model.model_copy(
            update={
                "mfm": params.model.mfm.model_copy(update={"pixels": size}),
                "mgm": params.model.mgm.model_copy(update={"pixels": size}),
            }
        )
        steps.append(step_seconds(bench, features, model, bench.runs(30)))
    batches = [8 * size for size in sizes]
    mfm, mgm = zip(*steps, strict=True)
    yield grown("batch: MFM step", batches, "1 to 2 (every pair of InfoNCE)", mfm)
    yield grown("batch: MGM step", batches, "1", mgm)


def _extraction(bench: Bench) -> Iterator[Row]:
    """On the CPU the seconds of 8 scans, so many side by side, and on CUDA of 64, in batches."""
    options, device = bench.params.features, bench.device
    backbones = Backbones.load(options, device)
    if device.type == "cuda":
        sizes = (1, 8, 64) if bench.quick else (1, 2, 4, 8, 16, 32, 64)
        work, runs = in_batches(backbones, options, sizes[-1]), bench.runs(3)
        what, expected = "scans a batch", "-1 to 0, once the device is full"
        yield curve(f"batch: extraction, {what}", sizes, expected, work, runs, device)
    elif (cores := torch.get_num_threads()) > 1:  # of one there is no growth
        sizes = (*(2**i for i in range(8) if 2**i < cores), cores)
        work = side_by_side(backbones, options, 8)
        yield curve("batch: extraction, scans in flight", sizes, "-1, one core each", work, 1)


def side_by_side(
    backbones: Backbones, options: Features, scans: int
) -> Callable[[int], Callable[[], object]]:
    """From a number of threads to the extraction of some scans by them, as its stage does it."""
    made_up = _MadeUp(Path(), (), BitMaps(np.zeros((0, PACKED), np.uint8)))
    fast = Fast.of(backbones)

    def work(threads: int) -> Callable[[], object]:
        def extract() -> None:
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                with scan_by_scan(made_up, lambda: fast, options) as compute:
                    compute(range(scans))
            finally:
                torch.set_num_threads(before)

        return extract

    return work


class _MadeUp(CategoryScans):
    """Scans that are drawn where others are read."""

    def load(self, sample: int) -> PreparedScan:
        return scenes.scan(sample)


def in_batches(
    backbones: Backbones, options: Features, scans: int
) -> Callable[[int], Callable[[], object]]:
    """From a size of the batch to the extraction of some scans in batches, one after the other."""
    extractor = BatchExtractor(backbones, options)
    clouds = [DeviceScan.of(scenes.scan(seed), options) for seed in range(scans)]

    def work(size: int) -> Callable[[], object]:
        def extract() -> None:
            for first in range(0, scans, size):
                extractor(extractor.batch(clouds[first : first + size]))

        return extract

    return work
