"""The pictures of README.md and docs/, made from the finished demo: `python -m bench.pictures`.

The report is opened in a headless Chromium. The scans are named here, so that the next run shows
the same ones.
"""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from mentor3ad.cache.maps import ANOMALY, ANOMALY_FILE, ANOMALY_KIND
from mentor3ad.cache.reader import Store
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.exhibits.store import Exhibits
from mentor3ad.inspection.pictures import draw_heatmap
from mentor3ad.params.project import Project
from mentor3ad.plumbing.errors import ConfigError, one_sentence
from mentor3ad.voting.model import VOTING_FILE, VotingModel
from testbed.chromium import chromium, find_chromium
from testbed.paths import ROOT

FOLDER = ROOT / "docs" / "images"
PANEL = "clutch_test_contamination_001.png"  # of reports/heatmaps
SCAN = "nectarine/test/cut/001"
HEATMAP = ("biscuit", "test/break/003")
WIDTH, HEIGHT = 1280, 850


def make_pictures(project: Project, out: Path) -> list[Path]:
    """Write panel.png, report.png and heatmap.png to `out`.

    Raises:
        ConfigError: there is no Chromium, no report, or no panel of the scan.
    """
    executable = find_chromium()
    if executable is None:
        raise ConfigError("no Chromium is installed, which draws the report's picture")
    panel = project.heatmaps / PANEL
    for file in (project.page, panel):
        if not file.is_file():
            raise ConfigError(f"{file} is missing: run `make demo` first")
    shutil.copyfile(panel, out / "panel.png")
    _photograph(executable, project.page, SCAN, out / "report.png")
    _draw_heatmap(project, *HEATMAP, out / "heatmap.png")
    return [out / name for name in ("panel.png", "report.png", "heatmap.png")]


def _draw_heatmap(project: Project, category: str, scan: str, out: Path) -> None:
    """What `mentor3ad predict --heatmap` writes of a scan, from the demo's own maps."""
    prepared, votes = project.prepared(category), project.votes(category)
    manifest = Manifest.load(prepared)
    exhibits = Exhibits.load(prepared, manifest)
    place = [row.id for row in manifest.rows].index(scan)
    store = Store.open(votes / ANOMALY_FILE, ANOMALY_KIND, category)
    anomaly = store.read_samples(ANOMALY.name, [place])[0]
    threshold = VotingModel.load(votes / VOTING_FILE).threshold
    drawn = draw_heatmap(exhibits.picture(place), anomaly, exhibits.foreground[place], threshold)
    Image.fromarray(drawn).save(out)


def _photograph(executable: str, report: Path, scan: str, out: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as profile,
        chromium(executable, Path(profile)) as page,
    ):
        page.size(WIDTH, HEIGHT)
        page.open(report.resolve(), f"scan={quote(scan, safe='')}")
        page.wait("document.querySelectorAll('#panels canvas').length === 6")
        page.run("document.querySelector('input[value=anomaly]').click()")
        page.settle()
        page.screenshot(out)


if __name__ == "__main__":
    with one_sentence():
        for made in make_pictures(Project(), FOLDER):
            print(f"written: {made.relative_to(ROOT)}")
