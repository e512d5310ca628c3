"""Marked scans become a data set that the layout `folder` reads."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from testbed.clone import CATEGORY
from tests.options import listing

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.plumbing.errors import ConfigError, DataError
from mentor3ad.readers.layouts import list_scans, read_scan
from mentor3ad.serving.feedback import export_feedback
from mentor3ad.serving.kept import FILES_FILE, kept_files

from .conftest import Running


def test_marked_scans_are_a_data_set(
    start: Callable[..., Running], test_scans: Path, tmp_path: Path
) -> None:
    one = start()
    history, out = one.service.options.history, tmp_path / "out"
    with pytest.raises(DataError, match="no marked scan"):
        export_feedback(history, out)
    assert not out.exists()
    for name, mark in (("000", "ok"), ("001", "ng")):
        scan = test_scans / f"good/rgb/{name}.png", test_scans / f"good/xyz/{name}.tiff"
        seq = one.inspect(*scan).json()["seq"]
        assert one.client.put(f"/scans/{seq}/mark", json={"mark": mark}).status_code == 200

    command = ["feedback", "export", str(out), "--history", str(history)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.stdout == f"{out}: 1 scan marked OK, 1 marked NG\n"
    found = list_scans(out, CATEGORY, listing("folder"))
    assert [(s.split, s.defect, s.label) for s in found] == [
        ("train", "good", 0),
        ("test", "ng", 1),
    ]
    assert found[0].points.read_bytes() == (test_scans / "good/xyz/000.tiff").read_bytes()
    assert read_scan(found[0]).rgb.shape[2] == 3
    with pytest.raises(ConfigError, match="holds something already"):
        export_feedback(history, out)


def test_it_needs_a_history(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no history"):
        export_feedback(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    "text", ["null", "7", '["../rgb.png", "a.ply"]', '["rgb.png"]', "[" * 20_000, "NaN"]
)
def test_a_note_of_a_scans_files_that_is_damaged_names_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILES_FILE).write_text(text)
    assert kept_files(tmp_path) is None
