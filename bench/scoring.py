"""What comes after training, in memory: scoring, voting, metrics."""

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bench import flops, oracle, scenes
from bench.figures import Figure, Row, seconds_of
from bench.harness import Bench
from bench.project import Finished
from bench.split import split
from mentor3ad.evaluation.aupro import aupro as exact_aupro
from mentor3ad.evaluation.aupro import pro_curve
from mentor3ad.evaluation.metrics import LIMITS, rank_scans
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.features.pixels import PixelFeatures
from mentor3ad.fusion.network import Fusion
from mentor3ad.guidance.network import Guidance
from mentor3ad.mentor.modules import load_module
from mentor3ad.params.project import Project
from mentor3ad.scoring.scorer import Scorer
from mentor3ad.voting.model import VOTING_FILE, VotingModel, fit_voting

GOOD = 16, 8  # scans that the voting module is fitted to: training and held-out ones
RATED = 40  # scans of all metrics
MAPS = 100  # of AUPRO
REFERENCE_MAPS = 20  # its time grows with the square of their number
LIMIT = 0.3  # false positive rate up to which AUPRO integrates


def score(bench: Bench) -> list[Row]:
    """One scan of 15,129 foreground pixels, one after the other; metrics of 40 scans."""
    rows = []
    for name, project in (("demo", bench.demo), ("paper", bench.paper)):
        rows.append(Row(f"score, {name}", _score(bench, project)))
        rows.append(Row(f"vote, {name}", _vote(bench, project)))
    train, held_out = (scenes.score_maps(count, seed) for seed, count in enumerate(GOOD))
    options = bench.params.voting
    seconds = seconds_of(lambda: fit_voting(train, held_out, options), bench.runs(5))
    fit = {"ms_a_scan": 1000 * seconds / sum(GOOD)}
    rows.append(Row(f"fit of the voting module, {sum(GOOD)} scans", dict(fit)))
    rows.append(Row(f"all metrics, {RATED} scans", _metrics(bench, RATED)))
    return rows


def _score(bench: Bench, project: Finished) -> dict[str, Figure]:
    model, features = project.params.model, project.params.features
    place, category = Project(project.root), project.params.data.categories[0]
    fusion = load_module(Fusion, place.mfm(category), bench.device)
    guidance = load_module(Guidance, place.mgm(category), bench.device)
    scorer, scan = Scorer(fusion, guidance, model.precision), scenes.features(features)

    def work_of_one() -> object:
        return scorer.score_maps(PixelFeatures([scan], bench.device), 0)

    seconds = seconds_of(work_of_one, bench.runs(9), bench.device)
    work = flops.scoring(model, int(scan.foreground.sum()), features.points.groups)
    heavy = bench.limits.heavy(work, seconds, model.precision, bench.device)
    return {"ms_a_scan": 1000 * seconds, **heavy, **split(work_of_one, bench.device)}


def _vote(bench: Bench, project: Finished) -> dict[str, Figure]:
    category = project.params.data.categories[0]
    model = VotingModel.load(Project(project.root).votes(category) / VOTING_FILE)
    (maps,) = scenes.score_maps(1)
    return {"ms_a_scan": 1000 * seconds_of(lambda: model.anomaly_map(maps), bench.runs(9))}


def _metrics(bench: Bench, scans: int) -> dict[str, Figure]:
    maps, masks = scenes.maps_and_masks(scans)
    seconds = seconds_of(lambda: all_metrics(maps, masks), bench.runs(3))
    return {"ms_a_scan": 1000 * seconds / scans}


def all_metrics(maps: np.ndarray, masks: np.ndarray) -> None:
    """As `evaluate` computes them."""
    labels = np.asarray(masks.any(axis=(1, 2)))
    kinds = ["dent" if label else "good" for label in labels]
    scores = maps.max(axis=(1, 2)).astype(np.float64)
    rank_scans(maps, masks, scores, labels, kinds).metrics(LIMITS)


def aupro(bench: Bench) -> list[Row]:
    """Exact AUPRO, and the reference's loop over all thresholds on few maps, on one core."""
    maps, masks = scenes.maps_and_masks(MAPS)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            seconds = seconds_of(
                lambda: exact_aupro(pro_curve(rank_pixels(maps, masks)), [LIMIT]), bench.runs(5)
            )
            few, few_masks = maps[:REFERENCE_MAPS], masks[:REFERENCE_MAPS]
            theirs = seconds_of(
                lambda: oracle.aupro_all_thresholds(few, few_masks, LIMIT), 1, warm_up=0
            )
    finally:
        torch.set_num_threads(before)
    ratio = (theirs / REFERENCE_MAPS) / (seconds / MAPS)
    return [
        Row("exact", {"maps": MAPS, "seconds": seconds, "times_reference": ratio}),
        Row("reference, all thresholds", {"maps": REFERENCE_MAPS, "seconds": theirs}),
    ]
