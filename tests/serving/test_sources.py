"""A watched folder as a source of the service."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.clone import CATEGORY

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.sources import WatchedFolder, watched

from .conftest import Running, eventually


def drop(test_scans: Path, folder: Path, name: str) -> None:
    for role, suffix in (("rgb", "png"), ("xyz", "tiff")):
        (folder / role).mkdir(exist_ok=True)
        shutil.copyfile(
            test_scans / f"good/{role}/{name}.{suffix}", folder / role / f"{name}.{suffix}"
        )


def test_what_arrives_is_decided_once_also_after_a_restart(
    start: Callable[..., Running], test_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    one = start(attached=[WatchedFolder(CATEGORY, folder, 0.05)])
    drop(test_scans, folder, "000")
    eventually(lambda: one.service.history.latest == 1)
    (result,) = one.service.history.after(0)
    assert (result.name, result.source) == ("000", "watch")
    direct = one.inspect(folder / "rgb/000.png", folder / "xyz/000.tiff").json()
    assert direct["score"] == result.score
    one.service.stop()

    again = start(attached=[WatchedFolder(CATEGORY, folder, 0.05)])
    drop(test_scans, folder, "001")
    eventually(lambda: again.service.history.latest == 3)
    assert [r.name for r in again.service.history.after(0)] == ["000", "000", "001"]


def test_what_is_no_scan_is_reported_once(
    start: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mentor3ad.inspection.station.PATIENT_LOOKS", 2)
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.png").touch()
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    one = start(attached=[WatchedFolder(CATEGORY, folder, 0.02)])
    eventually(lambda: one.service.history.latest == 1)
    (result,) = one.service.history.after(0)
    assert (result.status, result.name, result.maps) == ("error", "a.png", {})
    assert "leads out of" in (result.error or "")
    time.sleep(0.3)
    assert one.service.history.latest == 1


def test_a_name_that_is_no_text_is_escaped(
    start: Callable[..., Running], test_scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    drop(test_scans, folder, "000")
    for file in (folder / "rgb/000.png", folder / "xyz/000.tiff"):
        file.rename(file.with_stem(os.fsdecode(b"\xff")))
    one = start(attached=[WatchedFolder(CATEGORY, folder, 0.02)])
    eventually(lambda: one.service.history.latest == 1)
    assert one.service.history.after(0)[0].name == "\\udcff"


def test_a_dead_folder_is_a_problem_within_five_seconds(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    one = start(attached=[WatchedFolder(CATEGORY, folder, 0.05)])
    assert one.service.alive()
    folder.rmdir()
    eventually(lambda: not one.service.alive(), seconds=5)
    answer = one.client.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, [f"{folder} cannot be seen"])
    folder.mkdir()
    eventually(one.service.alive, seconds=5)


def test_the_option_names_recipe_and_folder() -> None:
    one = watched("biscuit=/srv/in", 2.0)
    assert (one.recipe, one.folder, one.interval) == ("biscuit", Path("/srv/in"), 2.0)
    with pytest.raises(ConfigError, match="give RECIPE=FOLDER"):
        watched("/srv/in", 1.0)
