"""Gather all categories: metrics, the plots' data, the heatmaps, the HTML page and a table."""

import json
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console

from mentor3ad.evaluation.curves import CURVES, CURVES_FOLDER, LOSSES, write_rows
from mentor3ad.evaluation.metrics import METRICS_FILE
from mentor3ad.evaluation.views import PANELS_FOLDER, VIEWS_FILE, CategoryViews
from mentor3ad.params.schema import Params
from mentor3ad.plumbing.files import folder_replaced_whole, write_whole
from mentor3ad.plumbing.logs import Figures
from mentor3ad.report.best import FILE as BEST_FILE
from mentor3ad.report.best import best_on, load_best
from mentor3ad.report.html.content import page_content
from mentor3ad.report.html.page import render_page
from mentor3ad.report.origin import find_origin
from mentor3ad.report.rivals import print_rivals, rival_results, rival_table
from mentor3ad.report.summary import MEAN, headline, print_summary, summarise, write_summary

from .runner import HERE, run


def report(params: Params) -> Figures:
    categories = params.data.categories
    metrics = {c: _read(HERE.evaluation(c) / METRICS_FILE) for c in categories}
    summary = summarise(metrics)
    write_summary(HERE.results, summary)
    write_summary(HERE.metrics, headline(summary))
    curves = _curves(categories)
    with folder_replaced_whole(HERE.plots) as plots:
        for name, rows in curves.items():
            write_rows(plots / f"{name}.json", rows)
    _copy_heatmaps(categories)
    views = [CategoryViews.load(HERE.evaluation(c) / VIEWS_FILE) for c in categories]
    best = best_on(load_best(BEST_FILE), {view.category: view.data_sha256 for view in views})
    others = rival_results({c: _read(HERE.rivals(c)) for c in categories})
    write_summary(HERE.rival_results, others)
    rivals = rival_table(others)
    content = page_content(params, summary, metrics, curves, views, best, find_origin(), rivals)
    page = render_page(content, views)
    write_whole(HERE.page, page)
    notes = {category: values["notes"] for category, values in metrics.items()}
    print_summary(summary, notes, Console())
    print_rivals(summary[MEAN], rivals, Console())
    means: Figures = summary[MEAN]
    return {"categories": len(categories), **means}


def _curves(categories: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of all categories by file: ROC, PRO and losses."""
    folders = [HERE.evaluation(category) / CURVES_FOLDER for category in categories]
    names = (*CURVES, *LOSSES)
    return {
        name: [row for home in folders for row in _read(home / f"{name}.json")] for name in names
    }


def _copy_heatmaps(categories: list[str]) -> None:
    with folder_replaced_whole(HERE.heatmaps) as heatmaps:
        for category in categories:
            for panel in sorted((HERE.evaluation(category) / PANELS_FOLDER).glob("*.png")):
                shutil.copyfile(panel, heatmaps / f"{category}_{panel.name}")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run(report)
