"""Only who holds the claim publishes: one process of two, and none whose lock is gone."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mentor3ad.plumbing import claims
from mentor3ad.plumbing.claims import claimed
from mentor3ad.plumbing.errors import BusyError
from mentor3ad.plumbing.files import folder_replaced_whole, replaced_whole
from tests.paths import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from mentor3ad.plumbing.claims import claimed
with claimed(Path(sys.argv[1]), "vote of rope"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the claim."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_who_has_the_claim_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    words = "vote of rope is being run by another process"
    with (
        another(lock) as holder,
        pytest.raises(BusyError, match=rf"{words} \(pid {holder.pid}\): wait"),
        claimed(lock, "vote of rope", patience=0.1),
    ):
        pass


def test_the_claim_of_one_that_ends_soon_is_waited_for(tmp_path: Path) -> None:
    with another(tmp_path / "lock") as holder:
        threading.Timer(0.3, holder.kill).start()
        with claimed(tmp_path / "lock", "vote of rope"):
            assert holder.wait(5) != 0


def write_file(target: Path) -> None:
    with replaced_whole(target) as part:
        part.write_text("new")


def write_folder(target: Path) -> None:
    with folder_replaced_whole(target) as part:
        (part / "file").write_text("new")


@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize("taken_over", [False, True])
def test_nothing_is_published_once_the_lock_is_gone(
    tmp_path: Path, write: Callable[[Path], None], taken_over: bool
) -> None:
    lock = tmp_path / "locks/lock"
    with claimed(lock, "vote of rope"):
        write(tmp_path / "first")
        lock.unlink()
        if taken_over:
            lock.touch()
        with pytest.raises(BusyError, match=r"vote of rope: its lock .* was removed or taken over"):
            write(tmp_path / "second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "locks"]
    write(tmp_path / "third")  # without a claim there is none to lose


def test_nothing_is_published_once_the_starter_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with claimed(tmp_path / "lock", "vote of rope"):
        monkeypatch.setattr(claims.os, "getppid", lambda: 1)
        with pytest.raises(BusyError, match=r"the process that started it \(pid \d+\) is gone"):
            write_file(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
