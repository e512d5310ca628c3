"""What the history keeps through crashes, full disks and pruning."""

import errno
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.answers import ScanResult
from mentor3ad.serving.history import DATABASE, History
from mentor3ad.serving.refusals import StorageError

from .conftest import Running, running

DAY = 86_400.0


def add(history: History, name: str, age_days: float = 0.0, size: int = 10) -> ScanResult:
    folder = history.incoming()
    (folder / "rgb.png").write_bytes(b"x" * size)
    at = time.time() - age_days * DAY
    status, score = "good", 0.1 + 0.2
    result = ScanResult(
        **{"seq": 0, "id": name, "recipe": "a", "category": "a", "bundle": "0", "name": name},
        **{"source": "upload", "time": at, "status": status, "score": score},
    )
    return history.add(result, f"digest of {name}", folder)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history")


def ids(history: History) -> list[str]:
    return [one.id for one in history.after(0)]


def test_a_result_is_there_after_a_restart_to_the_bit(history: History, tmp_path: Path) -> None:
    added = add(history, "a")
    history.mark(added.seq, "ng")
    again = History(tmp_path / "history").by_id("a")
    assert again is not None
    assert again.result == added.model_copy(update={"mark": "ng"})
    assert again.result.score == 0.1 + 0.2
    assert again.digest == "digest of a"
    assert (history.home(again) / "rgb.png").is_file()


def test_what_a_killed_service_left_is_swept(history: History, tmp_path: Path) -> None:
    add(history, "a")
    history.incoming()
    (history.folder / "scans/stray").mkdir()
    again = History(history.folder)
    assert list((history.folder / "incoming").iterdir()) == []
    assert [again.home(row) for row in again._rows("1")] == list(
        (history.folder / "scans").iterdir()
    )


def test_a_full_disk_leaves_neither_row_nor_folder(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(StorageError, match="No space left on device"):
            add(history, "a")
    assert history.by_id("a") is None
    assert list((history.folder / "scans").iterdir()) == []
    assert add(history, "a").seq == 1


def test_a_result_that_no_row_holds_is_not_answered(
    start: Callable[..., Running], test_scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = start()

    def full(*_: object) -> ScanResult:
        raise StorageError("the history cannot be written (full)")

    pair = test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff"
    with monkeypatch.context() as patch:
        patch.setattr(History, "add", full)
        answer = one.inspect(*pair, id="a")
    assert (answer.status_code, "score" in answer.json()) == (507, False)
    assert one.inspect(*pair, id="a").status_code == 200


def test_it_is_pruned_by_days(history: History) -> None:
    add(history, "old", age_days=3)
    add(history, "new")
    assert history.prune(days=2, gigabytes=1) == 1
    assert ids(history) == ["new"]
    assert len(list((history.folder / "scans").iterdir())) == 1


def test_it_is_pruned_by_size_and_marked_ones_go_last(history: History) -> None:
    added = [add(history, name, size=1_000_000) for name in "abc"]
    history.mark(added[0].seq, "ok")
    assert history.prune(days=9, gigabytes=0.0021) == 1
    assert ids(history) == ["a", "c"]


def test_a_number_is_never_given_twice(history: History) -> None:
    assert add(history, "a", age_days=9).seq == 1
    history.prune(days=1, gigabytes=1)
    assert add(history, "b").seq == 2


def test_it_filters_and_counts(history: History) -> None:
    for name in "abc":
        add(history, name)
    history.mark(2, "ng")
    assert [one.id for one in history.before(None, 2)] == ["c", "b"]
    assert [one.id for one in history.before(2, 9)] == ["a"]
    assert [one.id for one in history.before(None, 9, status="ng")] == ["b"]
    assert [one.id for one in history.before(None, 9, status="unmarked")] == ["c", "a"]
    assert history.before(None, 9, recipe="other") == []
    counts = history.counts(time.time() - 60)
    assert (counts.good, counts.ng, counts.defective) == (3, 1, 0)
    assert history.counts(time.time() + 60).good == 0


def test_a_newer_or_damaged_database_is_refused(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.close()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigError, match="newer release"):
        History(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / DATABASE).write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match="cannot hold a history"):
        History(tmp_path / "other")


def test_two_services_do_not_share_a_history(
    start: Callable[..., Running], bundle: Path, tmp_path: Path
) -> None:
    start()
    with (
        pytest.raises(ConfigError, match="history of a running service"),
        running([bundle], history=tmp_path / "history"),
    ):
        pass
