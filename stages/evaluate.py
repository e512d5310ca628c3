"""Evaluate one category: metrics, curves and heatmap panels of its test scans."""

from pathlib import Path

from pipeline.cache.maps import SCORES_KIND
from pipeline.cache.reader import Store
from pipeline.config import Params
from pipeline.evaluation import Results, write_curves, write_metrics
from pipeline.logs import Figures
from pipeline.progress import progress
from pipeline.report.gallery import draw_gallery
from pipeline.report.summary import METRICS_FILE
from stages.runner import evaluation, prepared, run_category, scores, votes


def evaluate(params: Params, category: str) -> Figures:
    out = evaluation(category)
    scans = Results.load(prepared(category), votes(category), category)
    for note in scans.notes:
        print(f"{category}: {note}")
    metrics = scans.metrics(params.evaluate)
    write_metrics(out / METRICS_FILE, scans, metrics)
    write_curves(out / "curves", category, scans)
    draw_gallery(
        out / "panels",
        Path(params.data.root),
        prepared(category),
        Store.open(scores(category), SCORES_KIND, category),
        scans,
        params.evaluate.panels,
        lambda chosen: progress(chosen, f"panels {category}", "panel"),
    )
    return {"scans": len(scans.ids), "i_auroc": metrics.i_auroc, **metrics.aupro}


if __name__ == "__main__":
    run_category(evaluate)
