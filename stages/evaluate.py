"""Evaluate one category: metrics and curves, panels and the report's views of its test scans."""

from pathlib import Path

from pipeline.cache.maps import ANOMALY_KIND, SCORES_KIND
from pipeline.cache.reader import Store
from pipeline.config import Params
from pipeline.evaluation import Results, write_curves, write_metrics
from pipeline.logs import Figures
from pipeline.progress import progress
from pipeline.report.capture import category_views
from pipeline.report.gallery import draw_gallery
from pipeline.report.summary import METRICS_FILE
from pipeline.report.views import VIEWS_FILE
from pipeline.voting import VotingModel
from stages.runner import evaluation, prepared, run_category, scores, votes


def evaluate(params: Params, category: str) -> Figures:
    out = evaluation(category)
    scans = Results.load(prepared(category), votes(category), category)
    for note in scans.notes:
        print(f"{category}: {note}")
    rankings = scans.rankings()
    metrics = rankings.metrics(params.evaluate.limits)
    write_metrics(out / METRICS_FILE, scans, metrics)
    write_curves(out / "curves", category, rankings)
    root, maps = Path(params.data.root), Store.open(scores(category), SCORES_KIND, category)
    category_views(
        root,
        prepared(category),
        maps,
        Store.open(votes(category) / "anomaly.zarr", ANOMALY_KIND, category),
        VotingModel.load(votes(category) / "voting.json"),
        params.evaluate.views,
        lambda scans: progress(scans, f"views {category}", "scan"),
    ).save(out / VIEWS_FILE)
    draw_gallery(
        out / "panels",
        root,
        prepared(category),
        maps,
        scans,
        params.evaluate.panels,
        lambda chosen: progress(chosen, f"panels {category}", "panel"),
    )
    return {"scans": len(scans.ids), "i_auroc": metrics.i_auroc, **metrics.aupro}


if __name__ == "__main__":
    run_category(evaluate)
