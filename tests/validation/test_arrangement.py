"""A folder that nobody has described: its categories, its layout, and a sentence without any."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.validation.arrangement import Arrangement, find_arrangements
from tests.options import data
from tests.raw_data_sets import LAYOUTS, write_loose, write_nested, write_pair


def found(folder: Path) -> Arrangement:
    return find_arrangements(folder, data())[0]


def counts(one: Arrangement) -> dict[str, int]:
    return {name: len(files) for name, files in one.scans.items()}


# 3D-ADAM's tree is MVTec 3D-AD's but for the masks' folder and the unit
TREES = {
    "mvtec3d": ("mvtec3d", 4),
    "eyecandies": ("eyecandies", None),
    "folder": ("folder", 5),
    "loose": ("loose", 5),
    "real_iad_d3": ("real_iad_d3", 4),
}


@pytest.mark.parametrize("name", sorted(TREES))
@pytest.mark.parametrize("above", [False, True])
def test_every_layout_is_known_from_its_category_and_from_above(
    name: str, above: bool, tmp_path: Path
) -> None:
    write, category, _ = LAYOUTS[name]
    root = write(tmp_path / "raw")
    one = found(root if above else root / category)
    layout, count = TREES[name]
    assert (one.root, one.layout, list(one.scans)) == (root, layout, [category])
    assert count in (None, counts(one)[category])


def test_folders_without_good_scans_are_left_out(tmp_path: Path) -> None:
    write_loose(tmp_path, "Deckel M6")
    write_nested(tmp_path / "BOLT/Train/OK", "1")
    write_nested(tmp_path / "BOLT/Train/OK", "2", seed=1)
    write_pair(tmp_path / "trash/scratch", "1")
    (tmp_path / "notes").mkdir()
    one = found(tmp_path)
    assert (one.layout, counts(one)) == ("loose", {"BOLT": 2, "Deckel M6": 5})
    assert one.left_out == ("notes", "trash")


def test_a_folder_with_a_folder_of_good_scans_is_one_category(tmp_path: Path) -> None:
    home = tmp_path / "nut"
    for i in range(3):
        write_pair(home / "OK", str(i), seed=i)
    write_pair(home / "scratch", "1", seed=9)
    one = found(home)
    assert (one.root, one.layout, counts(one)) == (tmp_path, "folder", {"nut": 4})


def test_folders_of_roles_are_one_category(tmp_path: Path) -> None:
    for i in range(2):
        write_nested(tmp_path / "nut", str(i), seed=i)
    one = found(tmp_path / "nut")
    assert (one.root, one.layout, counts(one)) == (tmp_path, "loose", {"nut": 2})


def test_a_category_may_be_called_as_a_folder_of_files_is(tmp_path: Path) -> None:
    for name in ("depth", "nut"):
        write_loose(tmp_path, name)
    assert list(found(tmp_path).scans) == ["depth", "nut"]


def gone(folder: Path) -> str:
    return "is no folder"


def empty(folder: Path) -> str:
    folder.mkdir()
    return "holds no scans: a scan is an image and a geometry of one name"


def deep(folder: Path) -> str:
    write_pair(folder / "2026/line 1/nut", "1")
    return f"scans lie in {folder}/2026/line 1/nut, too: name a folder of good ones"


def all_bad(folder: Path) -> str:
    write_pair(folder / "test/scratch", "1")
    return "holds too few good scans: one to learn from and one to set the threshold are the least"


def one_good(folder: Path) -> str:
    write_pair(folder, "1")
    return "one to learn from and one to set the threshold are the least"


@pytest.mark.parametrize("make", [gone, empty, deep, all_bad, one_good])
def test_where_nothing_can_be_learned_from_one_sentence_says_why(
    make: Callable[[Path], str], tmp_path: Path
) -> None:
    said = make(tmp_path / "raw")
    with pytest.raises(ConfigError, match="--from") as caught:
        find_arrangements(tmp_path / "raw", data())
    assert said in str(caught.value)


def test_a_name_that_no_category_may_have_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "nut#3", "1")
    with pytest.raises(ConfigError, match=r"nut#3: its name becomes .* must be of letters"):
        find_arrangements(tmp_path / "nut#3", data())
