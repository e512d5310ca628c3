"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from mentor3ad.plumbing.files import replaced_whole


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
