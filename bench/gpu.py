"""Scans a second and peak memory on a GPU, at the settings of params.yaml.

    python -m bench.gpu [--scans 256] [--shard 64]

Made-up scans of about 15,000 foreground points. Prints a Markdown table, or one line where there
is no CUDA device. `from files` writes and reads a data set in a temporary folder.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mentor3ad.cache.maps import MAPS
from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.dataset.grid import SIZE
from mentor3ad.demo.generate import generate_category
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
from mentor3ad.params.schema import Features, Params, load_params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.prepare import PreparedScan, prepare_category
from mentor3ad.scoring.scorer import Scorer
from mentor3ad.voting.model import fit_voting
from testbed.extracted import batch_of

SIDE = 123  # pixels of a part of about 15,000 foreground points
ALONE = 16  # scans that are inspected one by one
SKIPPED = "no CUDA device: skipped"


@dataclass(frozen=True)
class Row:
    """One measurement: seconds of some scans or steps, and what else there is to say."""

    name: str
    count: int
    seconds: float
    note: str = ""

    def __str__(self) -> str:
        rate, each = self.count / self.seconds, 1000 * self.seconds / self.count
        return f"| {self.name} | {rate:.1f} | {each:.2f} | {self.note} |"


def made_up_scan(seed: int, side: int = SIDE) -> PreparedScan:
    """A wavy square of side x side points at 0.5 m, on noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] + 0.25  # no coordinate is zero, which marks the background
    z = 0.5 + 0.004 * np.sin(x / 17 + seed) * np.cos(y / 23) + rng.normal(0, 1e-4, x.shape)
    points, first = np.zeros((SIZE, SIZE, 3), np.float32), (SIZE - side) // 2
    points[first : first + side, first : first + side] = np.stack([x * 7e-4, y * 7e-4, z], -1)
    return PreparedScan(rng.normal(size=(3, SIZE, SIZE)).astype(np.float32), points)


def as_arrays(scan: PreparedScan) -> tuple[np.ndarray, np.ndarray]:
    """Image and point map of a made-up scan, without a table as the published preprocessing has it.

    Returns:
        (224, 224, 3) uint8 and (224, 224, 3) float32, both 0 on the background.
    """
    grey = np.clip(128 + 40 * scan.rgb.transpose(1, 2, 0), 1, 255)
    return (grey * scan.foreground[..., None]).astype(np.uint8), scan.points


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
            clouds = readers.map(lambda scan: DeviceScan.of(scan, options.points), part)
            extractor(extractor.batch(list(clouds)))

        seconds = timed(backbones.device, lambda: list(pool.map(shard, shards)))
    return Row("extraction from memory", len(scans), seconds, f"shards of {options.shard}")


def extraction_from_files(params: Params, device: torch.device, scans: int) -> Row:
    """`extract` of a generated category, from its files to its store; weights loaded within."""
    counts = {"train": scans, "validation": 0, "test_good": 1, "test_defect": 1}
    demo = params.demo.model_copy(update=counts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_category(folder / "raw", "biscuit", demo)
        data = params.data.model_copy(update={"layout": "mvtec3d", "units": "m"})
        manifest = prepare_category(
            folder / "raw", "biscuit", folder / "prepared", data.preparation, data, workers=8
        )

        def extract() -> None:
            extract_category(
                folder / "prepared",
                folder / "raw",
                folder / "store.zarr",
                params.features,
                folder / "staging",
                device,
                batched=True,
            )

        seconds = timed(device, extract)
    return Row("extraction from files", len(manifest.rows), seconds, "with start-up and writing")


def inference(backbones: Backbones, params: Params, scans: Sequence[PreparedScan]) -> Iterator[Row]:
    """From arrays to decisions by an inspector, in batches and one by one; untrained modules."""
    inspector = _inspector(backbones, params)
    pairs, shard = [as_arrays(scan) for scan in scans], params.features.shard

    def decide(some: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        for found in inspector.inspect_batch(some):
            if isinstance(found, DataError):
                raise found

    decide(pairs[:shard])
    seconds = timed(backbones.device, lambda: decide(pairs))
    yield Row("inference", len(pairs), seconds, f"batches of {shard}")
    alone = pairs[:ALONE]
    inspector.inspect(*alone[0])
    seconds = timed(backbones.device, lambda: [inspector.inspect(*pair) for pair in alone])
    yield Row("inference, one scan", len(alone), seconds, "each waits for the one before")


def guidance_training(backbones: Backbones, params: Params, scans: Sequence[PreparedScan]) -> Row:
    """MGM's steps from features on the device, and their share of the measured GEMM rate."""
    from torch.utils.flop_counter import FlopCounterMode

    options, device = params.features, backbones.device
    extractor = BatchExtractor(backbones, options)
    arrays = extractor(batch_of(extractor, scans[:8]))
    each = [{name: a[i] for name, a in arrays.items()} for i in range(len(arrays["rgb"]))]
    features = PixelFeatures([ScanFeatures.of(one, options.points.pool) for one in each], device)

    def model(steps: int) -> config.Model:
        mgm = params.model.mgm.model_copy(update={"steps": steps})
        mfm = params.model.mfm.model_copy(update={"steps": 1})
        return params.model.model_copy(update={"mgm": mgm, "mfm": mfm})

    fusion = train_fusion(features, model(1), "made-up", iter).module

    def flops(steps: int) -> int:
        with FlopCounterMode(display=False) as counter:
            train_guidance(features, fusion, model(steps), "made-up", iter)
        return counter.get_total_flops()

    few, many = 20, params.model.mgm.steps
    work = (flops(2 * few) - flops(few)) / few * (many - few)
    short, long = (
        timed(device, partial(train_guidance, features, fusion, model(n), "made-up", iter))
        for n in (few, many)
    )
    seconds = max(long - short, 1e-9)
    share = work / seconds / gemm_rate(device)
    return Row("MGM training, steps", many - few, seconds, f"{100 * share:.0f} % of the GEMM rate")


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
    made_up = np.random.default_rng(0).uniform(size=(2, len(MAPS), SIZE, SIZE))
    scores = list(made_up.astype(np.float32))
    voting = fit_voting(scores, scores, params.voting)
    scorer = _scorer(params, backbones.device)
    return Inspector(
        InspectionModel("made-up", settings, None, backbones, scorer, voting), batched=True
    )


def _scorer(params: Params, device: torch.device) -> Scorer:
    model = params.model
    torch.manual_seed(0)
    # Without components the modules need no fitted space.
    fusion = Fusion(model.mfm.dim, model.mfm.hidden, None).to(device).eval()
    guidance = Guidance(fusion.dim, model.mgm.hidden, model.mgm.use_mentor, None)
    return Scorer(fusion, guidance.to(device).eval(), model.precision)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=256)
    parser.add_argument("--shard", type=int, default=64)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print(SKIPPED)
        return
    params = load_params()
    features = params.features.model_copy(update={"shard": arguments.shard})
    params = params.model_copy(update={"features": features})
    configure_process(params.runtime)
    device = select_device(params.runtime.model_copy(update={"device": "cuda"}))
    backbones = Backbones.load(features, device)
    scans = [made_up_scan(seed) for seed in range(arguments.scans)]
    torch.cuda.reset_peak_memory_stats(device)
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}\n")
    print("| what | a second | ms each | |\n|---|---|---|---|")
    print(extraction_from_memory(backbones, features, scans))
    peak = torch.cuda.max_memory_allocated(device)
    print(extraction_from_files(params, device, arguments.scans))
    for row in inference(backbones, params, scans):
        print(row)
    print(guidance_training(backbones, params, scans))
    print(f"\npeak memory of extraction from memory: {peak / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
