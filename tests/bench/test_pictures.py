"""The pictures of the docs: made from a finished project, refused without one."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from bench import pictures
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.params.project import Project
from mentor3ad.plumbing.errors import ConfigError
from testbed.chromium import find_chromium
from testbed.clone import CATEGORY
from tests.report import made_up

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no Chromium is installed")


@needs_chromium
def test_all_pictures_are_made(
    tiny_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_project / "data", tmp_path / "data")
    project = Project(tmp_path)
    project.heatmaps.mkdir(parents=True)
    Image.new("RGB", (8, 4)).save(project.heatmaps / pictures.PANEL)
    project.page.write_text(made_up.page(), encoding="utf-8")
    monkeypatch.setattr(pictures, "SCAN", "rope/test/cut/002")
    manifest = Manifest.load(project.prepared(CATEGORY))
    scan = next(row.id for row in manifest.rows if row.label == 1)
    monkeypatch.setattr(pictures, "HEATMAP", (CATEGORY, scan))
    out = tmp_path / "out"
    out.mkdir()
    panel, report, heatmap = pictures.make_pictures(project, out)
    with Image.open(panel) as picture:
        assert picture.size == (8, 4)
    with Image.open(report) as picture:
        assert picture.size == (pictures.WIDTH, pictures.HEIGHT)
    with Image.open(heatmap) as picture:
        assert picture.size == (224, 224)


@needs_chromium
def test_a_project_without_a_report(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"index\.html is missing: run `make demo` first"):
        pictures.make_pictures(Project(tmp_path), tmp_path)
