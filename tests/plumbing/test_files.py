"""Files that appear whole or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from mentor3ad.plumbing.files import folder_replaced_whole, replaced_whole, write_whole
from tests.paths import ROOT


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), replaced_whole(target) as part:
        part.unlink()  # and so cannot be moved
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    with replaced_whole(tmp_path / "file") as part:
        part.write_text("new")
    (tmp_path / "other").touch()
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


WRITER = """
import sys, time
from pathlib import Path
from mentor3ad.plumbing.files import folder_replaced_whole
target, mark, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for _ in range(rounds):
    with folder_replaced_whole(target) as folder:
        (folder / "one").write_text(mark)
        (folder / "two").write_text(mark)
        if rounds == 1:
            print("writing", flush=True)
            time.sleep(60)
"""


def start_writer(target: Path, mark: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(target), mark, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_concurrent_writers_of_a_folder_all_end_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    writers = [start_writer(target, mark, 60) for mark in "abc"]
    assert [writer.communicate() and writer.returncode for writer in writers] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (target / "one").read_text() == (target / "two").read_text()
    assert len(list(target.iterdir())) == 2


def test_what_a_killed_writer_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    killed, living = (start_writer(target, mark, 1) for mark in "kl")
    for writer in (killed, living):
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
    killed.kill()
    killed.communicate()
    with folder_replaced_whole(target) as folder:
        (folder / "one").write_text("new")
    (partial,) = (path for path in tmp_path.iterdir() if path != target)
    assert (partial / "one").read_text() == "l"
    living.kill()
    living.communicate()
    assert (target / "one").read_text() == "new"


def test_a_folder_is_replaced_as_a_whole_or_not(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(FileNotFoundError), folder_replaced_whole(target) as folder:
        (folder / "missing/new").touch()
    assert [path.name for path in target.iterdir()] == ["old"]
    with folder_replaced_whole(target) as folder:
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("follow", [False, True])
def test_a_link_is_followed_where_that_is_wanted_alone(tmp_path: Path, follow: bool) -> None:
    """An out may be a link into DVC's cache, whose files stay as they are."""
    kept = tmp_path / "cache"
    kept.write_text("old")
    link = tmp_path / "made/out"
    link.parent.mkdir()
    link.symlink_to(kept)
    write_whole(link, "new\r\n", follow)
    assert link.read_bytes() == b"new\r\n"
    assert (kept.read_text() == "old", link.is_symlink()) == (not follow, follow)
