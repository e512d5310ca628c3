"""Gather all categories: metrics, the plots' data, the heatmaps, the HTML page and a table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from mentor3ad.evaluation.curves import CURVES, CURVES_FOLDER, LOSSES, write_rows
from mentor3ad.evaluation.metrics import METRICS_FILE
from mentor3ad.evaluation.views import EVALUATION, PANELS_FOLDER, CategoryViews
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
from mentor3ad.seals.document import read_document
from mentor3ad.seals.seal import out_files, write_seal
from mentor3ad.seals.sealed import Sealed, check_chain

from .runner import HERE, run


def report(params: Params) -> Figures:
    categories = params.data.categories
    rated = {c: read_document(HERE.rivals(c), "rivals", c) for c in categories}
    found = {c: _evaluation(c, rated[c][0]) for c in categories}
    metrics = {c: found[c].read_json(METRICS_FILE) for c in categories}
    summary = summarise(metrics)
    write_summary(HERE.results, summary)
    write_summary(HERE.metrics, headline(summary))
    curves = _curves(found.values())
    with folder_replaced_whole(HERE.plots) as plots:
        for name, rows in curves.items():
            write_rows(plots / f"{name}.json", rows)
    _copy_heatmaps(found)
    views = [CategoryViews.load(found[c]) for c in categories]
    best = best_on(load_best(BEST_FILE), {view.category: view.data_sha256 for view in views})
    others = rival_results({c: content for c, (_, content) in rated.items()})
    write_summary(HERE.rival_results, others)
    rivals = rival_table(others)
    content = page_content(params, summary, metrics, curves, views, best, find_origin(), rivals)
    page = render_page(content, views)
    write_whole(HERE.page, page)
    _seal([*found.values(), *(sealed for sealed, _ in rated.values())])
    notes = {category: values["notes"] for category, values in metrics.items()}
    print_summary(summary, notes, Console())
    print_rivals(summary[MEAN], rivals, Console())
    means: Figures = summary[MEAN]
    return {"categories": len(categories), **means}


def _evaluation(category: str, rivals: Sealed) -> Sealed:
    """The evaluation of a category, which is of the same features as the rivals'."""
    evaluation = Sealed.open(HERE.evaluation(category), EVALUATION, category)
    check_chain([evaluation, rivals])
    return evaluation


def _curves(evaluations: Iterable[Sealed]) -> dict[str, list[dict[str, Any]]]:
    """Rows of all categories by file: ROC, PRO and losses."""
    files = {name: f"{CURVES_FOLDER}/{name}.json" for name in (*CURVES, *LOSSES)}
    found = list(evaluations)
    return {
        name: [row for one in found for row in one.read_json(file)] for name, file in files.items()
    }


def _copy_heatmaps(evaluations: Mapping[str, Sealed]) -> None:
    with folder_replaced_whole(HERE.heatmaps) as heatmaps:
        for category, evaluation in evaluations.items():
            for file in map(Path, sorted(evaluation.seal.files)):
                if file.parent == Path(PANELS_FOLDER):
                    content = evaluation.read(file.as_posix())
                    (heatmaps / f"{category}_{file.name}").write_bytes(content)


def _seal(inputs: Iterable[Sealed]) -> None:
    """Seal the reports of this stage; other commands write some beside them."""
    made_from = {f"{one.seal.kind} {one.seal.category}": one.seal.digest for one in inputs}
    files = [HERE.metrics, HERE.results, HERE.rival_results, HERE.page]
    files += [*out_files(HERE.plots), *out_files(HERE.heatmaps)]
    write_seal(HERE.reports, "reports", "", made_from, files=files)


if __name__ == "__main__":
    run(report)
