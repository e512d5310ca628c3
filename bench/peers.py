"""One scan to predict and one epoch to train: ours beside the peers, on the same files.

    mentor3ad bench peers

Peers are anomalib's CFM, where `anomalib` is installed (the extra `peers`), and the published CFM's
own steps as `bench/oracle.py` renders them. Weights are random, settings the paper's: 1,024 groups
of 128. Each is a process of its own on all cores. Ours reads the files and finds the part; a peer
is given the prepared scan, and what that took does not count. An epoch is 24 scans: a peer extracts
them each time, ours once (`once`), and then takes as many steps as go through 24 scans.
"""

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import torch
import typer
from torch import Tensor, nn

from bench import extraction, oracle, training
from bench.figures import Figure, Row
from bench.harness import Bench
from bench.processes import run
from bench.project import Finished
from bench.speed import forget_peak, peak_mb
from mentor3ad.extraction.scan import Backbones
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.params.schema import load_params
from mentor3ad.preparation.prepare import PreparedScan
from mentor3ad.rivals.mapping import Mappings
from testbed.paths import ROOT

EPOCH = 24  # scans
TIMED = 3  # scans that a peer trains on, of which the epoch's seconds follow
OURS, RENDERED, ANOMALIB = "ours", "CFM, the published steps", "CFM of anomalib"
CPU = torch.device("cpu")


def peers(bench: Bench) -> list[Row]:
    names = [OURS, RENDERED]
    if importlib.util.find_spec("anomalib"):
        names.append(ANOMALIB)
    rows = []
    for name in names:
        out = bench.folder / "peer.json"
        command = [sys.executable, "-m", "bench.peers", name, str(bench.paper.root), str(out)]
        run([*command, "--runs", str(bench.runs(6))], ROOT)
        rows.append(Row(name, json.loads(out.read_text())))
    first = rows[0].figures
    for row in rows[1:]:
        for what in ("predict_s", "epoch_s"):
            row.figures[f"{what.removesuffix('_s')}_times_ours"] = _ratio(row, first, what)
    return rows


def _ratio(row: Row, ours: dict[str, Figure], what: str) -> float:
    return float(row.figures[what]) / float(ours[what])  # type: ignore[arg-type]


def figures(name: str, root: Path, runs: int) -> dict[str, Figure]:
    """Of one method in this process, on a finished project at the paper's settings."""
    project = Finished(root, load_params(root / "params.yaml"), {})
    if name == OURS:
        return _ours(project, runs)
    scans = extraction._prepared_scans(project)
    make = {RENDERED: _rendered, ANOMALIB: _anomalib}[name]
    return _peer(*make(project), scans, runs)


def _ours(project: Finished, runs: int) -> dict[str, Figure]:
    category = project.params.data.categories[0]
    inspector = Inspector.load(project.root, category, "cpu")
    folder = project.root / project.params.data.root / category / "test"
    files = find_scans(folder, inspector.model).scans
    inspector.inspect_scan(files[0])
    forget_peak(CPU)
    predict = _median(lambda: inspector.inspect_scan(files[0]), runs)
    memory = peak_mb(CPU)
    bench = Bench(project.params, project.root, quick=True)
    scans = extraction._prepared_scans(project)
    rate = extraction._from_memory(bench, scans, project.params.features)["scans_per_s"]
    model = project.params.model
    steps = training.step_seconds(bench, training.training_scans(bench, project.params), model, 5)
    per_epoch = EPOCH / model.mfm.scans * steps[0] + EPOCH / model.mgm.scans * steps[1]
    return {
        "predict_s": predict,
        "epoch_s": per_epoch,
        "once_s": EPOCH / float(rate),  # type: ignore[arg-type]
        "memory_mb": memory,
    }


Predict = Callable[[PreparedScan], object]
Loss = Callable[[PreparedScan], Tensor]


def _peer(
    predict: Predict, loss: Loss, mappers: list[nn.Parameter], scans: list[PreparedScan], runs: int
) -> dict[str, Figure]:
    predict(scans[0])
    forget_peak(CPU)
    seconds = _median(lambda: predict(scans[0]), runs)
    adam = torch.optim.Adam(mappers, lr=1e-3)

    def step(scan: PreparedScan) -> None:
        adam.zero_grad()
        loss(scan).backward()
        adam.step()

    chosen = iter([scans[i % len(scans)] for i in range(TIMED + 1)])
    step(next(chosen))
    taken = [_seconds(lambda scan=scan: step(scan)) for scan in chosen]  # type: ignore[misc]
    memory = peak_mb(CPU)
    return {"predict_s": seconds, "epoch_s": EPOCH * float(np.mean(taken)), "memory_mb": memory}


def _rendered(project: Finished) -> tuple[Predict, Loss, list[nn.Parameter]]:
    """Extraction step by step as published; both networks on every pixel of the picture."""
    options = extraction.published_options(project.params.features)
    backbones = Backbones.load(options, CPU)
    torch.manual_seed(0)
    mappings = Mappings(768, 1152, None)

    def maps(scan: PreparedScan) -> tuple[Tensor, Tensor]:
        points = options.points
        networks = backbones.rgb, backbones.points
        with torch.no_grad():
            rgb, xyz = oracle.extract(scan, *networks, points.groups, points.group_size)
        return rgb.flatten(0, 1), xyz.flatten(0, 1)

    @torch.no_grad()
    def predict(scan: PreparedScan) -> Tensor:
        rgb, xyz = maps(scan)
        predicted = mappings(rgb, xyz)
        parts = [
            1 - torch.cosine_similarity(*pair) for pair in zip(predicted, (rgb, xyz), strict=True)
        ]
        return parts[0] * parts[1]

    def loss(scan: PreparedScan) -> Tensor:
        rgb, xyz = maps(scan)
        part = torch.from_numpy(scan.foreground).flatten()
        predicted = mappings(rgb[part], xyz[part])
        pairs = zip(predicted, (rgb[part], xyz[part]), strict=True)
        one, other = (1 - torch.cosine_similarity(*pair).mean() for pair in pairs)
        return one + other

    return predict, loss, list(mappings.parameters())


def _anomalib(project: Finished) -> tuple[Predict, Loss, list[nn.Parameter]]:
    """anomalib's own model; its downloads are replaced by random weights."""
    import timm
    from anomalib.models.image.cfm import components
    from anomalib.models.image.cfm.torch_model import CFMModel

    def untrained(model_name: str, **options: Any) -> nn.Module:
        return timm.models.create_model(model_name, **options | {"pretrained": False})

    with (
        patch.object(components.timm, "create_model", untrained),
        patch.object(components, "_resolve_pointmae_weights", lambda path: Path("missing")),
    ):
        model = CFMModel()

    def of(scan: PreparedScan) -> tuple[Tensor, Tensor]:
        points = torch.from_numpy(scan.points).permute(2, 0, 1)[None].contiguous()
        return torch.from_numpy(scan.rgb)[None], points

    @torch.no_grad()
    def predict(scan: PreparedScan) -> object:
        return model.eval()(*of(scan))

    def loss(scan: PreparedScan) -> Tensor:
        found: Tensor = model.train()(*of(scan))["loss"]
        return found

    return predict, loss, list(model.mapper_parameters())


def _median(work: Callable[[], object], runs: int) -> float:
    return float(np.median([_seconds(work) for _ in range(runs)]))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(name: str, root: Path, out: Path, runs: Annotated[int, typer.Option()] = 6) -> None:
    out.write_text(json.dumps(figures(name, root, runs)))


if __name__ == "__main__":
    typer.run(main)
