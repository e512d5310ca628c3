"""One bad entry in a folder of scans is reported, and stops no scan beside it."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.inspection import inspector as inspector_module
from mentor3ad.inspection import station as station_module
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.model import InspectionModel
from mentor3ad.inspection.pictures import save_pictures
from mentor3ad.inspection.results import Result, line
from mentor3ad.inspection.scans import find_scans
from mentor3ad.inspection.station import Arrived, Refused, Station
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.layouts.files import MAX_FOLDERS_DEEP
from tests.raw_data_sets import write_nested, write_pair


@pytest.fixture
def plant(inspector: Inspector) -> InspectionModel:
    settings = inspector.model.settings.model_copy(update={"layout": "folder"})
    return replace(inspector.model, settings=settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write_pair(tmp_path / "in", "good")
    return tmp_path / "in"


def link_out(folder: Path) -> None:
    (folder.parent / "secret.png").write_bytes(b"1")
    (folder / "a.png").symlink_to(folder.parent / "secret.png")


def link_loop(folder: Path) -> None:
    (folder / "a.png").symlink_to("b.png")
    (folder / "b.png").symlink_to("a.png")


def folder_link_out(folder: Path) -> None:
    write_pair(folder.parent / "secret", "x")
    (folder / "rgb").symlink_to(folder.parent / "secret")


def both_forms(folder: Path) -> None:
    write_nested(folder, "other")


def deep_folders(folder: Path) -> None:
    deep = folder / "/".join(["d"] * (MAX_FOLDERS_DEEP + 2))
    deep.mkdir(parents=True)
    write_pair(deep, "lost")


def no_utf8(folder: Path) -> None:
    for suffix in (".png", ".npy"):
        shutil.copy(folder / f"good{suffix}", os.fsencode(folder) + b"/\xff" + suffix.encode())


def fifo(folder: Path) -> None:
    shutil.copy(folder / "good.npy", folder / "a.npy")
    os.mkfifo(folder / "a.png")


ENTRIES: list[Callable[[Path], None]] = [
    *(link_out, link_loop, folder_link_out, both_forms, deep_folders, no_utf8, fifo)
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("write", ENTRIES)
def test_the_scan_beside_it_is_found(plant: InspectionModel, folder: Path, write) -> None:
    write(folder)
    found = find_scans(folder, plant)
    assert "good" in [scan.id for scan in found.scans]
    assert len(found.scans) + len(found.unusable) + len(found.refused) > 1


@pytest.fixture
def deep(folder: Path) -> Iterator[Path]:
    """A folder of the plant's that goes with the test: pytest's own clean-up would recurse."""
    yield folder
    subprocess.run(["rm", "-rf", str(folder / "deep")], check=True)


def test_eleven_hundred_nested_folders_are_one_refusal(plant, deep: Path) -> None:
    here = os.open(deep, os.O_RDONLY)
    for _ in range(1100):  # longer than a path may be
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    found = find_scans(deep, plant)
    assert [scan.id for scan in found.scans] == ["good"]
    (reason,) = found.refused.values()
    assert f"lies over {MAX_FOLDERS_DEEP} folders below" in reason


def watching(folder: Path, model: InspectionModel, handled: set[str]) -> Station:
    return Station(folder, model, handled, 0.001, threading.Event(), lambda text: None)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("write", [link_out, link_loop, both_forms, deep_folders])
def test_a_station_reports_it_once_and_goes_on(
    plant: InspectionModel, folder: Path, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station_module, "PATIENT_LOOKS", 2)
    write(folder)
    handled: set[str] = set()
    station = watching(folder, plant, handled)
    seen: list[str] = []
    for n, one in enumerate(station.arrivals()):
        seen.append(one.scan.id if isinstance(one, Arrived) else one.id)
        if isinstance(one, Arrived):
            assert station.accept(one, failed=False)
        if isinstance(one, Refused):
            assert one.reason
            write_pair(folder, f"later{n}")
        if len(seen) > 2:
            break
    assert seen[0] == "good"
    assert len(set(seen)) == len(seen)
    again = watching(folder, plant, handled)  # as after a restart, with the journal's sources
    for _ in range(5):
        again.look()
        assert again.refusals() == []


def test_it_is_reported_anew_once_it_has_changed(
    plant: InspectionModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station_module, "PATIENT_LOOKS", 0)
    link_out(folder)
    station = watching(folder, plant, set())
    looks = []
    for _ in range(3):
        station.look()
        looks.append([one.id for one in station.refusals()])
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to("/etc/hostname")
    station.look()
    assert [*looks, [one.id for one in station.refusals()]] == [["a.png"], [], [], ["a.png"]]


@pytest.mark.timeout(60)
def test_a_fifo_among_the_files_is_an_error_of_its_scan(inspector, plant, folder: Path) -> None:
    fifo(folder)
    station = watching(folder, plant, set())
    station.look()
    (arrived,) = [one for one in station.look() if one.scan.id == "a"]
    with pytest.raises(DataError, match=r"a\.png"):
        inspector.inspect_scan(arrived.scan)
    assert not station.accept(arrived, failed=True)


@pytest.mark.parametrize("error", [OverflowError, RecursionError, IndexError, MemoryError])
def test_whatever_reading_stumbles_on_is_the_scans_error(
    inspector: Inspector, test_scans: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def read(files: object) -> None:
        raise error("deep inside")

    monkeypatch.setattr(inspector_module, "read_scan", read)
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    with pytest.raises(DataError, match=f"cannot be inspected .{error.__name__}: deep inside"):
        inspector.inspect_scan(scan)
    (found,) = inspector.inspect_batch([scan], workers=1)
    assert isinstance(found, DataError)


def test_predict_reports_it_and_inspects_the_rest(
    bundle: Path, test_scans: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(test_scans / "good", tmp_path / "in"))
    (folder / "rgb/z.png").symlink_to(tmp_path)
    (tmp_path / "out").mkdir()
    command = ["predict", str(folder), "--bundle", str(bundle), "--device", "cpu", "--heatmap"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    lines = {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert sorted(lines) == ["000", "001", "rgb/z.png"]
    assert "leads out of" in lines["rgb/z.png"]["error"]
    assert "score" in lines["000"]
    assert done.exit_code in (3, 4)


def test_a_name_as_long_as_a_file_system_allows_has_its_heatmap(
    inspector: Inspector, test_scans: Path, tmp_path: Path
) -> None:
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    found = inspector.inspect_scan(scan)
    save_pictures(tmp_path, "n" * 250, found, ["heatmap"])
    assert (tmp_path / "heatmap" / f"{'n' * 250}.png").is_file()


def test_a_name_too_long_for_a_picture_is_the_scans_error(
    bundle: Path, test_scans: Path, tmp_path: Path
) -> None:
    name = "n" * 251  # .png and .tiff fit a file's name of 255 bytes, but .tiff.png not
    for role, suffix in (("rgb", ".png"), ("xyz", ".tiff")):
        (tmp_path / "in" / role).mkdir(parents=True)
        for stem, copy in (("000", "000"), ("001", name[: 255 - len(suffix)])):
            source = test_scans / "good" / role / f"{stem}{suffix}"
            shutil.copy(source, tmp_path / "in" / role / f"{copy}{suffix}")
    command = ["predict", f"{tmp_path}/in", "--bundle", str(bundle), "--device", "cpu", "--map"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")])
    lines = {one["id"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert "score" in lines["000"]
    assert len(lines) > 1


def test_bytes_that_are_no_text_become_escapes_in_a_line() -> None:
    text = line(Result("a\udcff", error="a\udcff"), "jsonl")
    assert json.loads(text) == {
        "id": "a\\udcff",
        "error": "a\\udcff",
        "status": "error",
    }
    assert "\udcff" not in line(Result("a\udcff"), "csv")


def test_a_point_map_that_leads_to_a_singular_system_is_no_decision(
    inspector: Inspector, test_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(features: object) -> np.ndarray:
        raise np.linalg.LinAlgError("singular matrix")

    monkeypatch.setattr(inspector.model.scorer, "score_one", fails)
    scan = find_scans(test_scans / "good", inspector.model).scans[0]
    with pytest.raises(DataError, match="the networks failed at it"):
        inspector.inspect_scan(scan)
    (found,) = inspector.inspect_batch([scan], workers=1)
    assert isinstance(found, DataError)
