"""Disks, links and libraries: what would keep a project from running is one line."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from mentor3ad.doctor import machine
from mentor3ad.doctor.machine import find_no_links, find_no_room, find_other_libraries


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_disk_with_room_is_no_finding_and_a_full_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "not/there/yet"
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(9, 0, 5_000_000_000))
    assert list(find_no_room("the weights", place)) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(9, 0, 20_000_000))
    (ailment,) = find_no_room("the weights", place)
    assert ailment.what.startswith(f"{place}, the folder of the weights, has 0.02 GB of room left")
    assert not (tmp_path / "not").exists()


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (ailment,) = find_no_room("DVC's cache", Path("/proc"))
    assert "/proc, the folder of DVC's cache, cannot be written (" in ailment.what


def test_links_between_the_cache_and_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    assert list(find_no_links(tmp_path, cache, ["hardlink", "copy"])) == []

    def refuse(*places: Path) -> None:
        raise OSError

    monkeypatch.setattr(machine.os, "link", refuse)
    assert list(find_no_links(tmp_path, cache, ["hardlink", "symlink", "copy"])) == []
    (ailment,) = find_no_links(tmp_path, cache, ["hardlink", "copy"])
    assert ailment.what.startswith(f"no hardlink leads from {tmp_path} to DVC's cache {cache}")


def test_other_libraries_are_named_with_what_is_needed(tmp_path: Path) -> None:
    numpy = version("numpy")
    wanted = ["numpy<1", "no-such-library>=2", "scipy>=1", "h5py>=99; extra == 'formats'"]
    (ailment,) = find_other_libraries(wanted, tmp_path / "none")
    assert "no-such-library (missing), numpy" in ailment.what
    assert f"numpy {numpy} (needs <1)" in ailment.what
    assert "scipy" not in ailment.what
    assert "h5py" not in ailment.what
    pins = tmp_path / "constraints.txt"
    pins.write_text(f"numpy==0.1\nscipy=={version('scipy')}\nno-such-library==2\n")
    (ailment,) = find_other_libraries([], pins)
    assert f"numpy {numpy} (0.1): " in ailment.what
    assert "scipy" not in ailment.what
