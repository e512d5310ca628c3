"""Evaluate one category: metrics and curves, panels and the report's views of its test scans."""

from functools import partial
from pathlib import Path

from mentor3ad.cache.maps import ANOMALY, SCORES_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.manifest import Manifest, load_masks
from mentor3ad.drawing.capture import category_views
from mentor3ad.drawing.gallery import draw_gallery
from mentor3ad.drawing.sampling import choose_views
from mentor3ad.evaluation.curves import CURVES_FOLDER, write_curves, write_losses
from mentor3ad.evaluation.metrics import METRICS_FILE, CategoryMetrics
from mentor3ad.evaluation.views import EVALUATION, PANELS_FOLDER, VIEWS_FILE
from mentor3ad.exhibits.store import Exhibits
from mentor3ad.params.project import LOSS_FILE
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.files import folder_replaced_whole
from mentor3ad.plumbing.logs import Figures
from mentor3ad.plumbing.progress import progress
from mentor3ad.rating.results import Results, write_metrics
from mentor3ad.seals.sealed import Sealed, open_chain
from mentor3ad.voting.each import Each
from mentor3ad.voting.votes import Votes

from .runner import HERE, run_category

INPUTS = ("prepared", "mfm", "mgm", "scores", "votes")


def evaluate(params: Params, category: str) -> Figures:
    made_from = open_chain(category, HERE.outs(category, *INPUTS))
    with folder_replaced_whole(HERE.evaluation(category)) as out:
        figures = _evaluate(params, category, out)
        made_from.seal(out, EVALUATION)
    return figures


def _evaluate(params: Params, category: str, out: Path) -> Figures:
    prepared = HERE.prepared(category)
    manifest, votes = Manifest.load(prepared), Votes.open(HERE.votes(category), category)
    final = partial(votes.maps.read, ANOMALY.name)
    scans = Results.of(prepared, manifest, final, votes.model.threshold, votes.unlike)
    for note in scans.notes:
        print(f"{category}: {note}")
    metrics = _rate(params, category, scans, out)
    maps = Store.open(HERE.scores(category), SCORES_KIND, category)
    exhibits = Exhibits.load(prepared, manifest)
    views = category_views(
        manifest,
        exhibits,
        load_masks(prepared, manifest),
        maps,
        votes.maps,
        votes.model,
        _shown(params, manifest, exhibits, scans),
        lambda scans: progress(scans, f"views {category}", "scan"),
    )
    views.save(out / VIEWS_FILE)
    draw_gallery(
        out / PANELS_FOLDER,
        manifest,
        exhibits,
        maps,
        scans,
        params.evaluate.panels,
        () if scans.unlabelled else tuple(views.ranges.values()),
        lambda chosen: progress(chosen, f"panels {category}", "panel"),
    )
    return {"scans": len(scans.ids), "i_auroc": metrics.i_auroc, **metrics.aupro}


def _shown(
    params: Params, manifest: Manifest, exhibits: Exhibits, scans: Results
) -> tuple[int, ...]:
    """The positions of the scans that the report shows."""
    if not params.evaluate.views:
        return ()
    rows, scores = Each(exhibits.tested, manifest.rows.__getitem__), scans.object_scores()
    chosen = choose_views(
        [scores[row.id] for row in rows],
        [row.label for row in rows],
        scans.threshold,
        params.evaluate.most_views,
    )
    return tuple(exhibits.tested[i] for i in chosen)


def _rate(params: Params, category: str, scans: Results, out: Path) -> CategoryMetrics:
    """Write metrics, curves and losses."""
    rankings = scans.rankings(out)
    metrics = rankings.metrics(params.evaluate.limits)
    write_metrics(out / METRICS_FILE, scans, metrics)
    write_curves(out / CURVES_FOLDER, category, rankings)
    modules = HERE.outs(category, "mfm", "mgm").items()
    losses = [Sealed.open(folder, kind, category).read_json(LOSS_FILE) for kind, folder in modules]
    write_losses(out / CURVES_FOLDER, category, losses)
    return metrics


if __name__ == "__main__":
    run_category(evaluate)
