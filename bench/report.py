"""Size and load time of the report for 10 categories of 120 test scans.

    python -m bench.report [OUT.html]

Needs the evaluated demo (`dvc repro`): its views are repeated under MVTec 3D-AD's category names.
Load times need a Chromium. The script prints a Markdown table.
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pipeline.config import load_params
from pipeline.report.html.content import page_content
from pipeline.report.html.page import render_page
from pipeline.report.paper import paper_tables
from pipeline.report.summary import METRICS_FILE, summarise
from pipeline.report.views import VIEWS_FILE, CategoryViews
from stages.runner import REPORTS, evaluation
from tests.report.browser.chromium import Page, chromium, find_chromium

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


def repeated(source: str, name: str) -> tuple[dict[str, Any], CategoryViews]:
    """Metrics and views of a category of 120 scans, from those of the demo's."""
    metrics = json.loads((evaluation(source) / METRICS_FILE).read_text())
    views = CategoryViews.load(evaluation(source) / VIEWS_FILE)
    truth = {scan["id"]: scan for scan in metrics["scans"]}
    scans = [
        replace(scan, id=f"{scan.id}-{i}")
        for i, scan in enumerate(islice(cycle(views.scans), SCANS))
    ]
    metrics["scans"] = [truth[scan.id.rsplit("-", 1)[0]] | {"id": scan.id} for scan in scans]
    return metrics, replace(views, category=name, scans=tuple(scans))


def page() -> str:
    names, params = paper_tables()["I"].categories, load_params()
    pairs = [repeated(s, n) for s, n in zip(cycle(params.data.categories), names, strict=False)]
    metrics = {name: made for name, (made, _) in zip(names, pairs, strict=True)}
    views = [view for _, view in pairs]
    return render_page(
        page_content(params, summarise(metrics), metrics, _curves(names), views), views
    )


def _curves(names: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """The demo's curves under the other names."""
    curves = {}
    for path in sorted((REPORTS / "plots").glob("*.json")):
        rows = json.loads(path.read_text())
        sources = list(dict.fromkeys(row["category"] for row in rows))
        curves[path.stem] = [
            row | {"category": name}
            for source, name in zip(cycle(sources), names, strict=False)
            for row in rows
            if row["category"] == source
        ]
    return curves


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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(sys.argv[1] if sys.argv[1:] else f"{folder}/index.html").resolve()
        start = time.perf_counter()
        file.write_text(page(), encoding="utf-8")
        print(f"| write | {time.perf_counter() - start:.1f} s |\n|---|---|")
        print(f"| size | {file.stat().st_size / 1e6:.1f} MB |")
        for name, milliseconds in load_times(file).items():
            print(f"| {name} | {milliseconds:.0f} ms |")


if __name__ == "__main__":
    main()
