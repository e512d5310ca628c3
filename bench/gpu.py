"""Scans a second and peak memory on a GPU, beside the published form on the same card.

    python -m bench.gpu [--record] [--settings paper demo] [--scans 256] [--shard 64]

Made-up scans of about 15,000 foreground points, random weights. Prints Markdown tables, or one line
where there is no CUDA device; `--record` also puts them into docs/gpu.md. `from files` writes and
reads a data set in a temporary folder.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from bench import flops, published_gpu
from bench.gpu_scans import CATEGORY, as_arrays, generated, made_up_scan
from bench.project import paper_settings, params_of, shipped_params
from bench.run import commit
from bench.table import GPU, with_tables
from bench.training import mean_step
from mentor3ad.cache.maps import MAPS
from mentor3ad.compute.device import scan_threads, select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.dataset.grid import SIZE
from mentor3ad.extraction.batched import BatchExtractor, DeviceScan
from mentor3ad.extraction.category import extract_category
from mentor3ad.extraction.scan import Backbones
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.features.store import ScanFeatures
from mentor3ad.fusion.network import Fusion
from mentor3ad.fusion.training import train_fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.guidance.training import train_guidance
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.model import InspectionModel, Settings
from mentor3ad.params import schema as config
from mentor3ad.params.schema import Features, Params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.prepare import PreparedScan
from mentor3ad.scoring.scorer import Scorer
from mentor3ad.training.loop import Bar
from mentor3ad.voting.model import VotingModel, fit_voting
from testbed.extracted import batch_of
from testbed.paths import ROOT

ALONE = 16  # scans that are inspected one by one
TOGETHER = 8  # scans of a batch of the published form, whose dense maps take 0.4 GB each
SKIPPED = "no CUDA device: skipped"
PAGE = ROOT / "docs" / "gpu.md"


@dataclass(frozen=True)
class Row:
    """One measurement: seconds of some scans or steps, and what else there is to say."""

    name: str
    count: int
    seconds: float
    note: str = ""
    published: float | None = None  # seconds of one in the published form

    def __str__(self) -> str:
        rate, each = self.count / self.seconds, self.seconds / self.count
        beside = " | "
        if self.published is not None:
            beside = f"{1000 * self.published:.1f} | {self.published / each:.1f}"
        return f"| {self.name} | {rate:.1f} | {1000 * each:.2f} | {beside} | {self.note} |"


def timed(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of work and of all that it queued."""
    _synchronise(device)
    start = time.perf_counter()
    work()
    _synchronise(device)
    return time.perf_counter() - start


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def extraction_from_memory(
    backbones: Backbones, options: Features, scans: Sequence[PreparedScan]
) -> Row:
    """From prepared scans to the arrays of the cache on the host, shard by shard, one ahead."""
    extractor = BatchExtractor(backbones, options)
    shards = [scans[i : i + options.shard] for i in range(0, len(scans), options.shard)]
    extractor(batch_of(extractor, shards[0]))
    threads = ThreadPoolExecutor(torch.get_num_threads())
    with threads as readers, ThreadPoolExecutor(2) as pool:

        def shard(part: Sequence[PreparedScan]) -> None:
            clouds = readers.map(lambda scan: DeviceScan.of(scan, options), part)
            extractor(extractor.batch(list(clouds)))

        seconds = timed(backbones.device, lambda: list(pool.map(shard, shards)))
    few = scans[:TOGETHER]
    beside = _second_time(
        backbones.device, lambda: published_gpu.dense_maps(few, backbones, options.points)
    )
    note = f"shards of {options.shard}; published: to dense maps on the device"
    return Row("extraction from memory", len(scans), seconds, note, beside / len(few))


def _second_time(device: torch.device, work: Callable[[], object]) -> float:
    """Seconds of work that has been done once before."""
    work()
    return timed(device, work)


def extraction_from_files(params: Params, device: torch.device, folder: Path) -> Row:
    """`extract` of a generated category, from its files to its store: first shard to last."""
    stamps: list[float] = []

    def bar(shards: Sequence[int]) -> Iterator[int]:
        stamps.append(time.perf_counter())
        yield from shards
        stamps.append(time.perf_counter())

    out = folder / f"extracted-{time.monotonic_ns()}"
    done = extract_category(
        folder / "prepared",
        folder / "raw",
        out / "store.zarr",
        params.features,
        out / "staging",
        device,
        bar,
        batched=True,
    )
    shutil.rmtree(out)
    return Row("extraction from files", done.scans, stamps[1] - stamps[0], "to the store")


def inference(
    backbones: Backbones, params: Params, scans: Sequence[PreparedScan], raw: Path | None = None
) -> Iterator[Row]:
    """From arrays to decisions by an inspector, in batches and one by one; untrained modules.

    Args:
        raw: folder of a generated category whose scans are inspected one by one, from their files.
    """
    inspector = _inspector(backbones, params)
    device, shard = backbones.device, params.features.shard
    pairs = [as_arrays(scan) for scan in scans]

    def decide(some: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        for found in inspector.inspect_batch(some):
            if isinstance(found, DataError):
                raise found

    decide(pairs[:shard])
    seconds = timed(device, lambda: decide(pairs))
    few, modules = scans[:TOGETHER], _modules(params, device)

    def as_published() -> None:
        maps, _ = published_gpu.dense_maps(few, backbones, params.features.points)
        for scores in published_gpu.score_maps(maps, *modules).cpu().numpy():
            inspector.model.voting.anomaly_map(scores)

    beside = _second_time(device, as_published) / len(few)
    yield Row("inference", len(pairs), seconds, f"batches of {shard}", beside)
    alone = pairs[:ALONE]
    inspector.inspect(*alone[0])
    seconds = timed(device, lambda: [inspector.inspect(*pair) for pair in alone])
    note = "each waits for the one before"
    yield Row("inference, one scan", len(alone), seconds, note)
    if raw is not None:
        good = raw / CATEGORY / "train" / "good"
        files = sorted((good / "rgb").iterdir()), sorted((good / "xyz").iterdir())
        named = list(zip(*files, strict=True))[: ALONE + 1]
        inspector.inspect(*named[0])
        found = [inspector.inspect(*pair).seconds for pair in named[1:]]
        steps = [
            f"{step} {1000 * np.median([one[step] for one in found]):.1f}" for step in found[0]
        ]
        seconds = timed(device, lambda: [inspector.inspect(*pair) for pair in named[1:]])
        yield Row("inference, one scan from files", ALONE, seconds, "ms: " + ", ".join(steps))


def decisions(backbones: Backbones, params: Params, scans: Sequence[PreparedScan]) -> Row:
    """From features in the host's memory to anomaly maps, shard by shard, as `score` and `vote`."""
    device, features = backbones.device, _features(backbones, params, scans)
    fusion, guidance = _modules(params, device)
    scorer, voting = Scorer(fusion, guidance, params.model.precision), _voting(params)

    shard = params.features.shard

    def decide(first: int) -> None:
        found = scorer.score_together(PixelFeatures(features[first : first + shard], device))
        list(pool.map(voting.anomaly_map, found))

    with scan_threads(device) as pool, ThreadPoolExecutor(2) as shards:
        firsts = range(0, len(features), shard)
        seconds = _second_time(device, lambda: list(shards.map(decide, firsts)))
    few = scans[:TOGETHER]
    maps, _ = published_gpu.dense_maps(few, backbones, params.features.points)

    def as_published() -> None:
        for scores in published_gpu.score_maps(maps, fusion, guidance).cpu().numpy():
            voting.anomaly_map(scores)

    beside = _second_time(device, as_published) / len(few)
    note = "published: from dense maps on the device"
    return Row("features to decision", len(features), seconds, note, beside)


def _features(
    backbones: Backbones, params: Params, scans: Sequence[PreparedScan]
) -> list[ScanFeatures]:
    extractor, found = BatchExtractor(backbones, params.features), []
    for i in range(0, len(scans), TOGETHER):
        arrays = extractor(batch_of(extractor, scans[i : i + TOGETHER]))
        each = [{name: a[k] for name, a in arrays.items()} for k in range(len(arrays["rgb"]))]
        found += [ScanFeatures.of(one, params.features.points.pool) for one in each]
    return found


def guidance_training(backbones: Backbones, params: Params, scans: Sequence[PreparedScan]) -> Row:
    """MGM's steps from features on the device, and their share of the measured GEMM rate."""
    device = backbones.device
    features = PixelFeatures(_features(backbones, params, scans[:TOGETHER]), device)

    def model(steps: int) -> config.Model:
        mgm = params.model.mgm.model_copy(update={"steps": steps})
        mfm = params.model.mfm.model_copy(update={"steps": 1})
        return params.model.model_copy(update={"mgm": mgm, "mfm": mfm})

    fusion = train_fusion(features, model(1), "made-up", iter).module

    def training(steps: int, bar: Bar = iter) -> object:
        return train_guidance(features, fusion, model(steps), "made-up", bar)

    few = 20
    steps = params.model.mgm.steps - few
    each = mean_step(training, few, steps, device)
    share = flops.guidance_step(params.model) / each / gemm_rate(device)
    beside = _published_step(backbones, params, scans[: params.model.mgm.scans])
    note = f"{100 * share:.0f} % of the GEMM rate; published: extracts its scans in every step"
    return Row("MGM training, steps", steps, steps * each, note, beside)


def _published_step(backbones: Backbones, params: Params, scans: Sequence[PreparedScan]) -> float:
    """Seconds of a step of the published training, which extracts anew: it caches nothing."""
    fusion, guidance = _modules(params, backbones.device)
    guidance.train().requires_grad_(True)
    adam = torch.optim.Adam(guidance.parameters(), lr=1e-3)

    def step() -> None:
        maps, foreground = published_gpu.dense_maps(scans, backbones, params.features.points)
        whole = (maps[0].clone(), maps[1].clone())  # outside of the inference mode
        published_gpu.guidance_step(whole, foreground.clone(), fusion, guidance, adam)

    return _second_time(backbones.device, step)


def gemm_rate(device: torch.device, size: int = 8192, runs: int = 20) -> float:
    """FLOP/s of a large bfloat16 matrix product."""
    left, right = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    left @ right
    return 2 * size**3 * runs / timed(device, lambda: [left @ right for _ in range(runs)])


def _inspector(backbones: Backbones, params: Params) -> Inspector:
    settings = Settings(
        layout="mvtec3d",
        units="m",
        light=0,
        preparation=params.data.preparation,
        features=params.features,
        precision=params.model.precision,
    )
    scorer = Scorer(*_modules(params, backbones.device), params.model.precision)
    model = InspectionModel("made-up", settings, None, backbones, scorer, _voting(params))
    return Inspector(model, batched=True)


def _voting(params: Params) -> VotingModel:
    made_up = np.random.default_rng(0).uniform(size=(2, len(MAPS), SIZE, SIZE))
    scores = list(made_up.astype(np.float32))
    return fit_voting(scores, scores, params.voting)


def _modules(params: Params, device: torch.device) -> tuple[Fusion, Guidance]:
    """MFM and MGM, untrained. Without components they need no fitted space."""
    model = params.model
    torch.manual_seed(0)
    fusion = Fusion(model.mfm.dim, model.mfm.hidden, None).to(device).eval()
    guidance = Guidance(fusion.dim, model.mgm.hidden, model.mgm.use_mentor, None)
    return fusion.requires_grad_(False), guidance.to(device).eval().requires_grad_(False)


def settings_named(name: str, shard: int) -> Params:
    """The shipped settings, or the paper's with random weights and `auto` precision or float32."""
    params = shipped_params() if name == "demo" else params_of(paper_settings())
    precision = "auto" if name == "paper-auto" else params.features.precision
    features = params.features.model_copy(update={"shard": shard, "precision": precision})
    steps = {"steps": 220}
    model = params.model.model_copy(
        update={
            "mfm": params.model.mfm.model_copy(update=steps),
            "mgm": params.model.mgm.model_copy(update=steps),
        }
    )
    return params.model_copy(update={"features": features, "model": model})


def measure(params: Params, device: torch.device, count: int, folder: Path) -> Iterator[str]:
    """The lines of a table, as they are measured; `folder` is one of `generated`."""
    backbones = Backbones.load(params.features, device)
    scans = [made_up_scan(seed) for seed in range(count)]
    torch.cuda.reset_peak_memory_stats(device)
    yield "| what | a second | ms each | published form, ms each | times | |"
    yield "|---|---|---|---|---|---|"
    yield str(extraction_from_memory(backbones, params.features, scans))
    yield str(extraction_from_files(params, device, folder))
    for row in inference(backbones, params, scans, folder / "raw"):
        yield str(row)
    yield str(decisions(backbones, params, scans))
    yield str(guidance_training(backbones, params, scans))
    yield f"\npeak memory: {torch.cuda.max_memory_allocated(device) / 2**20:.0f} MiB\n"


def tables(
    settings: Sequence[str], count: int, shard: int, tell: Callable[[str], None]
) -> list[str]:
    """The card, and a table for each of the settings; `tell` is given each line when it is there.

    Each line of a table is measured while the one before it is shown.
    """
    first = settings_named("demo", shard)
    configure_process(first.runtime)
    device = select_device(first.runtime.model_copy(update={"device": "cuda"}))
    lines: list[str] = []

    def add(line: str) -> None:
        lines.append(line)
        tell(line)

    card = torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    add(f"{card}, {cores} CPU cores, torch {torch.__version__}; {count} scans; commit {commit()}.")
    with generated(first, count) as folder:
        for name in settings:
            add(f"\n### {name}\n")
            for line in measure(settings_named(name, shard), device, count, folder):
                add(line)
    return lines


def record(lines: Sequence[str], page: Path) -> None:
    """Put tables between the marks of a page, in the place of those of an earlier run.

    Raises:
        ValueError: the page lacks a mark.
    """
    text = page.read_text(encoding="utf-8")
    page.write_text(with_tables(text, "\n".join(lines).rstrip() + "\n", GPU), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ("paper", "paper-auto", "demo")
    parser.add_argument("--settings", nargs="+", choices=names, default=names)
    parser.add_argument("--scans", type=int, default=256)
    parser.add_argument("--shard", type=int, default=64)
    parser.add_argument("--record", action="store_true", help=f"put the tables into {PAGE.name}")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print(SKIPPED)
        return
    show = partial(print, flush=True)
    lines = tables(arguments.settings, arguments.scans, arguments.shard, show)
    if arguments.record:
        record(lines, PAGE)
        print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
