"""What is proposed for a folder of scans: layout, unit, number for no return, crop; and is said."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import DataError
from mentor3ad.validation.found import describe_promises, describe_proposal
from mentor3ad.validation.propose import Proposal, propose
from tests.options import data
from tests.paths import ROOT
from tests.raw_data_sets import LAYOUTS, plant_scan
from tests.raw_scans import disc_points, write_png, write_points

PARAMS = load_params(ROOT / "params.yaml")


def write_plant(home: Path, count: int, scale: float = 1.0, radius: float = 25.0) -> None:
    """Loose scans IMG_001.png, IMG_001.tiff; `scale` 1000 makes millimetres."""
    for i in range(count):
        write_png(home / f"IMG_{i:03d}.png", plant_scan(i)[0])
        write_points(home / f"IMG_{i:03d}.tiff", disc_points(90, 100, radius) * np.float32(scale))


def proposed(folder: Path) -> Proposal:
    return propose(folder, data())


def said(proposal: Proposal) -> list[str]:
    return list(describe_proposal(proposal))


@pytest.mark.parametrize(("units", "scale", "words"), [("m", 1, "metres"), ("mm", 1000, "millime")])
def test_the_unit_is_told_from_the_size(
    units: str, scale: float, words: str, tmp_path: Path
) -> None:
    write_plant(tmp_path / "nut", 3, scale)
    one = proposed(tmp_path / "nut")
    assert (one.units, one.arrangement.layout, one.looked_at) == (units, "loose", 3)
    assert one.part_m == pytest.approx(0.07, abs=0.01)  # a disc of 50 mm, across its box
    assert f"data.units: {units}: coordinates are in {words}" in "\n".join(said(one))
    assert one.values == {
        "data.layout": "loose",
        "data.units": units,
        "data.invalid": "null",
        "data.crop": one.crop,
    }


def test_millimetres_in_a_tree_of_metres_are_read_as_a_plants_own(tmp_path: Path) -> None:
    home = tmp_path / "nut/train/good"
    for i in range(2):
        write_png(home / f"rgb/{i}.png", plant_scan(i)[0])
        write_points(home / f"xyz/{i}.tiff", disc_points(90, 100) * np.float32(1000))
    one = proposed(tmp_path)
    assert (one.units, one.arrangement.layout) == ("mm", "folder")


@pytest.mark.parametrize(("radius", "crop"), [(15.0, "part"), (40.0, "none")])
def test_the_crop_is_for_small_parts(radius: float, crop: str, tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 2, radius=radius)
    one = proposed(tmp_path / "nut")
    assert one.crop == crop
    assert one.part_share == pytest.approx(np.pi * radius**2 / 100**2, rel=0.1)
    assert said(one)[-1].startswith(f"data.crop: {crop}: the part covers ")


def test_a_number_for_no_return_is_named(tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 2, 1000)
    for file in (tmp_path / "nut").glob("*.tiff"):
        points = disc_points(90, 100) * np.float32(1000)
        points[:5] = (0, 0, -9999)
        write_points(file, points)
    one = proposed(tmp_path / "nut")
    assert (one.invalid, one.units, one.values["data.invalid"]) == (-9999, "mm", "-9999.0")
    assert "data.invalid: -9999: so many pixels" in "\n".join(said(one))


def test_one_damaged_scan_does_not_hide_the_others(tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 3)
    (tmp_path / "nut/IMG_000.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    one = proposed(tmp_path / "nut")
    assert (one.units, one.looked_at) == ("m", 2)


def test_of_two_units_that_of_most_scans_is_taken(tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 2)
    write_plant(tmp_path / "bolt", 3, 1000)
    one = proposed(tmp_path)
    assert (one.units, one.looked_at) == ("mm", 3)


def test_where_no_scan_can_be_read_the_first_ones_sentence_says_why(tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 2)
    for file in (tmp_path / "nut").glob("*.png"):
        file.write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    with pytest.raises(DataError, match=r"nut/IMG_000\.png is not a PNG file"):
        proposed(tmp_path / "nut")


def test_scenes_of_no_sensors_size_are_refused(tmp_path: Path) -> None:
    write_plant(tmp_path / "nut", 2, 1e-4)
    with pytest.raises(DataError, match="the units look wrong"):
        proposed(tmp_path / "nut")


def promises(folder: Path, **voting: float) -> list[str]:
    params = PARAMS.model_copy(update={"voting": PARAMS.voting.model_copy(update=voting)})
    return list(describe_promises(proposed(folder).arrangement, params))


def test_what_too_few_good_scans_mean_is_said_with_the_number_that_it_takes(
    tmp_path: Path,
) -> None:
    write_plant(tmp_path / "nut", 30)
    assert promises(tmp_path / "nut") == [
        "nut: 19 good scans to learn from, 5 to set the threshold, 6 good and 0 defective to test",
        "nut: 5 scans to set the threshold can promise a rate of false alarms of 16.7% on average; "
        "voting.target_fpr, 5.0%, takes 19: 93 good scans to learn from and calibrate with, where "
        "there are 24, or 19 of their own in a folder validation",
        "nut: no scan is known to be defective, so nobody can tell yet how many defects are "
        "missed; put defective scans into a folder with the defect's name, beside the good",
    ]
    assert len(promises(tmp_path / "nut", target_fpr=0.2)) == 2


def test_a_data_set_that_has_all_is_told_in_one_line(tmp_path: Path) -> None:
    write, _, _ = LAYOUTS["folder"]
    said = promises(write(tmp_path), target_fpr=0.5)
    assert said == [
        "part: 2 good scans to learn from, 1 to set the threshold, 1 good and 1 defective to test"
    ]


def test_folders_of_days_are_not_taken_for_parts_without_a_word(tmp_path: Path) -> None:
    for day in ("2026-11-27", "2026-11-28"):
        write_plant(tmp_path / day, 2)
    lines = said(proposed(tmp_path))
    assert (
        "data.categories: 2026-11-27 (2 scans), 2026-11-28 (2 scans), each with a model"
        in "\n".join(lines)
    )
    assert sum("days or lots of one kind of part" in line for line in lines) == 1


def test_a_validation_split_that_is_too_small_is_to_grow(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("validation", 2)):
        write_plant(tmp_path / "nut" / split, count)
    assert promises(tmp_path)[1] == (
        "nut: 2 scans to set the threshold can promise a rate of false alarms of 33.3% on average; "
        "voting.target_fpr, 5.0%, takes 19: that many in the folder validation, where there are 2"
    )


def test_what_is_true_of_several_categories_is_said_once(tmp_path: Path) -> None:
    for name in ("nut", "bolt"):
        write_plant(tmp_path / name, 2)
    counts, few, _ = promises(tmp_path)
    assert counts.startswith("bolt, nut: 1 good scan to learn from, 1 to set the threshold, 0 good")
    assert few.startswith("bolt, nut: 1 scan to set the threshold can promise a rate")
