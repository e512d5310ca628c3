"""Which scans a folder holds, in any layout, and which it holds half."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.model import InspectionModel
from mentor3ad.inspection.scans import find_scans, pair_files, split_pair
from mentor3ad.plumbing.errors import ConfigError, DataError
from mentor3ad.readers.layouts import read_scan
from tests.raw_data_sets import write_candy, write_coloured, write_nested, write_pair


@pytest.fixture
def plant(inspector: Inspector) -> InspectionModel:
    """A model trained on a plant's own folders."""
    settings = inspector.model.settings.model_copy(update={"layout": "folder"})
    return replace(inspector.model, settings=settings)


@pytest.fixture
def candy(inspector: Inspector) -> InspectionModel:
    settings = inspector.model.settings.model_copy(update={"layout": "eyecandies"})
    return replace(inspector.model, settings=settings)


def ids(folder: Path, model: InspectionModel) -> list[str]:
    return [scan.id for scan in find_scans(folder, model).scans]


def test_mvtecs_own_tree(inspector: Inspector, test_scans: Path) -> None:
    names = ids(test_scans, inspector.model)
    assert names[-2:] == ["good/000", "good/001"] or {"good/000", "good/001"} <= set(names)
    assert len(names) == 5
    assert ids(test_scans / "good", inspector.model) == ["000", "001"]


def test_pairs_side_by_side_and_in_folders(plant: InspectionModel, tmp_path: Path) -> None:
    write_pair(tmp_path, "b", masked=True)
    write_pair(tmp_path / "shift 1", "a")
    write_nested(tmp_path / "shift 2", "c", masked=True)
    assert ids(tmp_path, plant) == ["b", "shift 1/a", "shift 2/c"]


def test_clouds_with_colours_are_scans_where_the_training_had_such(
    plant: InspectionModel, tmp_path: Path
) -> None:
    path = write_coloured(tmp_path, "a")
    assert "has no image" in find_scans(tmp_path, plant).unusable["a"]
    settings = plant.settings.model_copy(update={"own_colours": True})
    (scan,) = find_scans(tmp_path, replace(plant, settings=settings)).scans
    assert (scan.rgb, scan.points) == (path, path)


def test_half_scans_are_told(plant: InspectionModel, tmp_path: Path) -> None:
    for name in "abc":
        write_pair(tmp_path, name)
    (tmp_path / "a.npy").unlink()
    (tmp_path / "b.png").unlink()
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "d_mask.png").write_bytes(b"")
    found = find_scans(tmp_path, plant)
    assert found.scans == []
    assert list(found.unusable) == ["a", "b", "c"]
    assert "a.png has no geometry" in found.unusable["a"]
    assert "b.npy has no image" in found.unusable["b"]
    assert "are both the rgb of one scan" in found.unusable["c"]


def test_eyecandies(candy: InspectionModel, tmp_path: Path) -> None:
    write_candy(tmp_path, "000")
    write_candy(tmp_path, "001", masks=None)
    (tmp_path / "001_pose.txt").unlink()
    found = find_scans(tmp_path, candy)
    assert [scan.id for scan in found.scans] == ["000"]
    assert read_scan(found.scans[0]).part_only
    assert found.unusable == {"001": f"{tmp_path / '001'} has no pose"}


def test_a_pair_of_eyecandies_finds_its_sidecars(candy: InspectionModel, tmp_path: Path) -> None:
    write_candy(tmp_path, "007")
    pair = tmp_path / "007_image_4.png", tmp_path / "007_depth.png"
    assert read_scan(pair_files(*pair, candy)).part_only
    (tmp_path / "007_info_depth.yaml").unlink()
    with pytest.raises(DataError, match=r"007_info_depth\.yaml"):
        pair_files(*pair, candy)


def test_the_models_camera_goes_with_every_scan(plant: InspectionModel, tmp_path: Path) -> None:
    write_pair(tmp_path / "scans", "a")
    camera = tmp_path / "camera.json"
    camera.write_text(json.dumps({"fx": 1.0}))
    model = replace(plant, camera=camera)
    assert find_scans(tmp_path / "scans", model).scans[0].sidecars == {"camera": camera}


def test_hidden_folders_are_passed_over(plant: InspectionModel, tmp_path: Path) -> None:
    write_pair(tmp_path / ".trash", "a")
    write_pair(tmp_path, ".b")
    assert ids(tmp_path, plant) == []


def test_a_link_that_leads_out_is_refused(plant: InspectionModel, tmp_path: Path) -> None:
    write_pair(tmp_path / "secret", "a")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").symlink_to(tmp_path / "secret/a.png")
    found = find_scans(tmp_path / "in", plant)
    assert found.scans == []
    assert "leads out of" in found.refused[tmp_path / "in/a.png"]


def test_a_folder_that_is_not_there(plant: InspectionModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        find_scans(tmp_path / "gone", plant)


@pytest.mark.parametrize(
    ("image", "geometry"), [("a.png", "a.npy"), ("a,1.png", "b.npy"), ("a, b.png", "c,d,e.npy")]
)
def test_names_with_commas(tmp_path: Path, image: str, geometry: str) -> None:
    pair = tmp_path / image, tmp_path / geometry
    for path in pair:
        path.touch()
    assert split_pair(f"{pair[0]},{pair[1]}") == pair


def test_a_cloud_with_colours_stands_alone(tmp_path: Path) -> None:
    path = write_coloured(tmp_path, "a")
    assert split_pair(str(path)) == (path, path)
    write_pair(tmp_path, "b")
    with pytest.raises(ConfigError, match=r"b\.npy has no geometry with colours of its own"):
        split_pair(str(tmp_path / "b.npy"))


def test_one_comma_needs_no_files(tmp_path: Path) -> None:
    """Which of them is missing, its reader says."""
    assert split_pair("a.png,b.npy") == (Path("a.png"), Path("b.npy"))


def test_commas_that_may_stand_between_two_scans_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="has 2 commas, of which none stand between two files"):
        split_pair("a,b.png,c.npy")
    for name in ("a", "b,c", "a,b", "c"):
        Path(name).touch()
    with pytest.raises(ConfigError, match="has 2 commas, of which 2 stand"):
        split_pair("a,b,c")
