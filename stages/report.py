"""Gather all categories: reports/metrics.json, the plots' data, the heatmaps and a table."""

import json
import shutil
from pathlib import Path

from rich.console import Console

from pipeline.config import Params
from pipeline.logs import Figures
from pipeline.report.curves import CURVES, write_rows
from pipeline.report.summary import MEAN, METRICS_FILE, print_summary, summarise, write_summary
from stages.runner import REPORTS, evaluation, mfm, mgm, run


def report(params: Params) -> Figures:
    categories = params.data.categories
    metrics = {c: json.loads((evaluation(c) / METRICS_FILE).read_text()) for c in categories}
    summary = summarise(metrics)
    write_summary(REPORTS / "metrics.json", summary)
    for curve in CURVES:
        _gather_rows(REPORTS / "plots" / f"{curve}.json", categories, f"curves/{curve}.json")
    for name, folder in (("mfm", mfm), ("mgm", mgm)):
        rows = [
            {"category": category} | row
            for category in categories
            for row in json.loads((folder(category) / "loss.json").read_text())
        ]
        write_rows(REPORTS / "plots" / f"loss_{name}.json", rows)
    (REPORTS / "heatmaps").mkdir(parents=True, exist_ok=True)
    for category in categories:
        for panel in sorted((evaluation(category) / "panels").glob("*.png")):
            target = REPORTS / "heatmaps" / f"{category}_{panel.name}"
            shutil.copyfile(panel, target)
    notes = {category: values["notes"] for category, values in metrics.items()}
    print_summary(summary, notes, Console())
    means: Figures = summary[MEAN]
    return {"categories": len(categories), **means}


def _gather_rows(target: Path, categories: list[str], source: str) -> None:
    files = [evaluation(category) / source for category in categories]
    write_rows(target, [row for file in files for row in json.loads(file.read_text())])


if __name__ == "__main__":
    run(report)
