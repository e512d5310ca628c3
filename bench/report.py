"""Size and load time of the report for 10 categories of 120 test scans.

The views of the generated project are repeated under MVTec 3D-AD's category names. Load times need
a Chromium.
"""

import json
import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.figures import Row
from bench.harness import Bench
from bench.project import Finished
from mentor3ad.evaluation.metrics import METRICS_FILE
from mentor3ad.evaluation.views import EVALUATION, CategoryViews
from mentor3ad.params.project import Project
from mentor3ad.report.html.content import page_content
from mentor3ad.report.html.page import render_page
from mentor3ad.report.paper import paper_tables
from mentor3ad.report.summary import summarise
from mentor3ad.seals.sealed import Sealed
from testbed.chromium import Page, chromium, find_chromium

SCANS = 120  # a category
TURNS = """(async () => {
  const cloud = document.getElementById('cloud'), start = performance.now();
  for (let i = 0; i < 20; i++) {
    cloud.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));
    await new Promise(requestAnimationFrame);
  }
  return (performance.now() - start) / 20;
})()"""
DRAWN = "document.querySelectorAll('#panels canvas').length === 6"


def repeated(evaluated: Path, name: str) -> tuple[dict[str, Any], CategoryViews]:
    """Metrics and views of a category of 120 scans, from those of one that was evaluated."""
    out = Sealed.open(evaluated, EVALUATION)
    metrics, views = out.read_json(METRICS_FILE), CategoryViews.load(out)
    truth = {scan["id"]: scan for scan in metrics["scans"]}
    scans = [
        replace(scan, id=f"{scan.id}-{i}")
        for i, scan in enumerate(islice(cycle(views.scans), SCANS))
    ]
    metrics["scans"] = [truth[scan.id.rsplit("-", 1)[0]] | {"id": scan.id} for scan in scans]
    return metrics, replace(views, category=name, scans=tuple(scans))


def page(project: Finished) -> str:
    names = paper_tables()["I"].categories
    evaluated = Project(project.root).evaluation(project.params.data.categories[0])
    pairs = {name: repeated(evaluated, name) for name in names}
    metrics = {name: made for name, (made, _) in pairs.items()}
    views, curves = [view for _, view in pairs.values()], _curves(project.root, names)
    content = page_content(project.params, summarise(metrics), metrics, curves, views)
    return render_page(content, views)


def _curves(root: Path, names: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """The category's curves under each name."""
    files = sorted(Project(root).plots.glob("*.json"))
    rows = {path.stem: json.loads(path.read_text()) for path in files}
    return {
        curve: [row | {"category": name} for name in names for row in of_one]
        for curve, of_one in rows.items()
    }


def timed(page: Page, action: str, condition: str) -> float:
    """Milliseconds from an action until its result is on the screen."""
    start = time.perf_counter()
    page.run(action)
    page.wait(condition)
    page.settle()
    return 1000 * (time.perf_counter() - start)


def load_times(file: Path) -> dict[str, float]:
    """Milliseconds."""
    executable = find_chromium()
    if executable is None:
        return {}
    with tempfile.TemporaryDirectory() as profile, chromium(executable, Path(profile)) as page:
        page.size(1280, 900)
        times = {"load, cards sorted": 1000 * page.open(file)}
        scroll = "document.querySelector('.card').scrollIntoView()"
        times["first cards drawn"] = timed(page, scroll, "true")
        times["open a scan"] = timed(page, "document.querySelector('.card').click()", DRAWN)
        times["one turn of the cloud"] = page.run(TURNS)
        times["filter by category"] = timed(
            page,
            "(s => { s.value = '3'; s.dispatchEvent(new Event('change')); })"
            "(document.getElementById('filter-category'))",
            "true",
        )
    return times


def report(bench: Bench) -> list[Row]:
    file = bench.folder / "index.html"
    start = time.perf_counter()
    file.write_text(page(bench.demo), encoding="utf-8")
    written = Row("write", {"ms": 1000 * (time.perf_counter() - start)})
    size = Row("size", {"mb": file.stat().st_size / 1e6})
    return [written, size, *(Row(what, {"ms": ms}) for what, ms in load_times(file).items())]
