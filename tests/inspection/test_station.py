"""What a station's folder yields at each look: whole scans at rest, each once."""

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.inspection import station
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.station import Arrived, Station
from tests.raw_data_sets import write_pair


class Watched:
    def __init__(self, folder: Path, inspector: Inspector) -> None:
        settings = inspector.model.settings.model_copy(update={"layout": "folder"})
        self.said: list[str] = []
        self.station = Station(
            folder,
            replace(inspector.model, settings=settings),
            set(),
            0.01,
            threading.Event(),
            self.said.append,
        )

    def look(self) -> list[str]:
        """Ids of what has come to rest; they are handled."""
        arrived = self.station.look()
        self.station.handled |= {one.source for one in arrived}
        return [one.scan.id for one in arrived]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def watched(folder: Path, inspector: Inspector) -> Watched:
    return Watched(folder, inspector)


def test_a_scan_is_taken_once_when_it_has_come_to_rest(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    assert [watched.look() for _ in range(3)] == [[], ["a"], []]


def test_a_file_that_grows_is_waited_for(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    content = (folder / "a.npy").read_bytes()
    for n in range(1, 4):
        (folder / "a.npy").write_bytes(content[: n * 100])
        assert watched.look() == []
    assert watched.look() == ["a"]


def test_a_missing_or_empty_partner_is_waited_for(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    (folder / "a.npy").rename(folder.parent / "a.npy")
    assert [watched.look() for _ in range(2)] == [[], []]
    (folder / "a.npy").touch()
    assert [watched.look() for _ in range(2)] == [[], []]
    shutil.copy(folder.parent / "a.npy", folder / "a.npy")
    assert [watched.look() for _ in range(2)] == [[], ["a"]]


def test_a_scan_of_the_same_name_is_another(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    assert [watched.look() for _ in range(2)] == [[], ["a"]]
    write_pair(folder, "a", seed=1)
    os.utime(folder / "a.npy", ns=(1, 1))
    assert [watched.look() for _ in range(3)] == [[], ["a"], []]


def test_they_come_in_the_order_of_their_last_change(watched: Watched, folder: Path) -> None:
    for n, name in enumerate("cab"):
        write_pair(folder / name, "x")
        for file in (folder / name).iterdir():
            os.utime(file, (n + 1, n + 1))
    assert [watched.look() for _ in range(2)] == [[], ["c/x", "a/x", "b/x"]]


def test_a_scan_without_its_partner_is_mentioned_once(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(folder, "a")
    (folder / "a.npy").unlink()
    watched.look()
    assert watched.said == []
    monkeypatch.setattr(station, "PATIENCE_S", 0.0)
    watched.look()
    watched.look()
    missing = "has no geometry, no other file called 'a': add it or remove this."
    assert watched.said == [f"a waits: {folder / 'a.png'} {missing}"]


def test_a_folder_that_vanishes_may_come_back(watched: Watched, folder: Path) -> None:
    folder.rmdir()
    assert [watched.look() for _ in range(2)] == [[], []]
    assert len(watched.said) == 1
    assert "is no folder" in watched.said[0]
    folder.mkdir()
    write_pair(folder, "a")
    assert [watched.look() for _ in range(2)] == [[], ["a"]]


def test_it_ends_when_it_is_stopped(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    write_pair(folder, "b")
    arrivals = watched.station.arrivals()
    first = next(arrivals)
    watched.station.stop.set()
    assert first.scan.id in ("a", "b")
    assert list(arrivals) == []


# Files that are not whole yet


def stamp(path: Path) -> tuple[int, int]:
    return path.stat().st_atime_ns, path.stat().st_mtime_ns


def test_a_write_that_sets_the_time_back_is_seen(watched: Watched, folder: Path) -> None:
    """As by a copy that keeps times: size and time of change are as before."""
    write_pair(folder, "a")
    times = stamp(folder / "a.npy")
    assert watched.look() == []
    with (folder / "a.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"1234")
    os.utime(folder / "a.npy", ns=times)
    assert [watched.look() for _ in range(2)] == [[], ["a"]]


@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="the system does not tell of holes")
def test_a_reserved_length_is_waited_for(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    content = (folder / "a.npy").read_bytes()
    reserved = len(content) + 2**20
    with (folder / "a.npy").open("wb") as file:
        file.write(content)
        file.truncate(reserved)
    times = stamp(folder / "a.npy")
    assert [watched.look() for _ in range(4)] == [[], [], [], []]
    with (folder / "a.npy").open("r+b") as file:
        file.seek(len(content))
        file.write(b"x" * 2**20)
    os.utime(folder / "a.npy", ns=times)
    assert [watched.look() for _ in range(3)] == [[], ["a"], []]


@pytest.mark.skipif(not hasattr(os, "SEEK_HOLE"), reason="the system does not tell of holes")
def test_a_file_that_keeps_its_hole_is_decided_in_the_end(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station, "PATIENT_LOOKS", 3)
    write_pair(folder, "a")
    with (folder / "a.npy").open("r+b") as file:
        file.truncate(2**20)
    assert [watched.look() for _ in range(5)] == [[], [], [], ["a"], []]


def arrived(watched: Watched) -> Arrived:
    looks = [watched.station.look() for _ in range(2)]
    return looks[1][0]


def test_what_changed_while_it_was_read_is_not_its_result(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    one = arrived(watched)
    with (folder / "a.npy").open("ab") as file:
        file.write(b"more")
    assert not watched.station.accept(one, failed=False)
    assert [watched.look() for _ in range(3)] == [[], ["a"], []]


def test_what_was_taken_away_after_it_was_read_is_done(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    one = arrived(watched)
    (folder / "a.npy").unlink()
    assert not watched.station.accept(one, failed=True)
    assert watched.station.accept(one, failed=False)


def test_a_failure_counts_once_nothing_has_changed_for_long(
    watched: Watched, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station, "PATIENT_LOOKS", 4)
    write_pair(folder, "a")
    one = arrived(watched)
    assert not watched.station.accept(one, failed=True)
    looks = [watched.station.look() for _ in range(3)]
    assert [len(look) for look in looks] == [0, 0, 1]
    assert watched.station.accept(looks[2][0], failed=True)
    assert watched.look() == []


def test_a_failed_scan_that_goes_on_is_another(watched: Watched, folder: Path) -> None:
    write_pair(folder, "a")
    assert not watched.station.accept(arrived(watched), failed=True)
    with (folder / "a.npy").open("ab") as file:
        file.write(b"more")
    one = arrived(watched)
    assert watched.station.accept(one, failed=False)
    assert watched.look() == []
